"""The worker: receive messages, analyse each media item, publish the result and settle the message."""

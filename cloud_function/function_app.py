"""The function app's triggers: each reads its event and hands it to the file that decides.

Separate from those files because the Functions host looks for exactly this name and the `app` in it.
"""

import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob_binding  # type: ignore[import-untyped]

import http_start
import next_stage
import storage_events
import submission
from decision_log import log_ignored, silence_request_lines
from function_settings import FunctionSettings
from tracing import traceparent_of

silence_request_lines()
settings = FunctionSettings.from_env()
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.function_name("start_analysis")
@app.event_grid_trigger(arg_name="event")
def start_analysis(event: func.EventGridEvent, context: func.Context) -> None:
    """Start the analysis of an upload into a container of its own."""
    read = storage_events.read_event(event)
    found = storage_events.of_event(read, settings)
    if storage_events.is_for_blob_trigger(read, found, settings):
        log_ignored("shared_container", found.container, found.blob, traceparent_of(context))
    else:
        submission.submit(found, settings, traceparent_of(context))


@app.function_name("call_next_stage")
@app.event_grid_trigger(arg_name="event")
def call_next_stage(event: func.EventGridEvent, context: func.Context) -> None:
    """Call the next stage once a job's results CSV has appeared."""
    found = storage_events.of_event(storage_events.read_event(event), settings)
    if isinstance(found, storage_events.ResultsCsv):
        next_stage.announce(found, settings, traceparent_of(context))
    else:
        reason = storage_events.reason_not_results(found)
        log_ignored(reason, found.container, found.blob, traceparent_of(context))


@app.function_name("start_analysis_by_hand")
@app.route("analyse/{media}/{media_type}/{container}", methods=["GET", "POST"], trigger_arg_name="request")
def start_analysis_by_hand(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Start an analysis with a function key, without an upload's event."""
    return http_start.start(request, settings, traceparent_of(context))


# The host refuses a trigger whose container it cannot resolve, so without the setting there is no trigger.
if settings.shared_container:

    @app.function_name("start_shared_analysis")
    @app.blob_trigger(
        arg_name="client",
        path="%SHARED_CONTAINER%/{name}",
        connection="MEDIA_STORAGE",
        source=func.BlobSource(settings.blob_trigger_source),
    )
    def start_shared_analysis(client: blob_binding.BlobClient, context: func.Context) -> None:
        """Start the analysis of an upload into the one shared container. Only a reference arrives, no bytes."""
        # The names alone: the client that the binding makes waits and retries for minutes.
        submission.submit_blob(client.container_name, client.blob_name, settings, traceparent_of(context))

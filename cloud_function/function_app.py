"""The function app's triggers: each only reads its event and hands it to the file that knows what to do.

Separate from those files because the Functions host looks for exactly this name and the `app` in it.
"""

import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob_binding  # type: ignore[import-untyped]

import by_hand
import intake
import next_stage
import submission
from decision_log import log_ignored
from function_settings import FunctionSettings
from tracing import traceparent_of

settings = FunctionSettings.from_env()
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.function_name("start_analysis")
@app.event_grid_trigger(arg_name="event")
def start_analysis(event: func.EventGridEvent, context: func.Context) -> None:
    """An upload into a container of its own: start its analysis."""
    found = intake.of_event(event.event_type, event.subject, event.get_json(), settings)
    if not isinstance(found, intake.Upload):
        log_ignored(intake.reason_not_upload(found), found.container, found.blob, traceparent_of(context))
    elif found.container == settings.shared_container:
        # The blob trigger below has it.
        log_ignored("shared_container", found.container, found.blob, traceparent_of(context))
    else:
        submission.submit_from_event(found, settings, traceparent_of(context))


@app.function_name("call_next_stage")
@app.event_grid_trigger(arg_name="event")
def call_next_stage(event: func.EventGridEvent, context: func.Context) -> None:
    """A results CSV appeared: the job is published, the next stage may begin."""
    found = intake.of_event(event.event_type, event.subject, event.get_json(), settings)
    if isinstance(found, intake.ResultsCsv):
        next_stage.announce(found, settings, traceparent_of(context))
    else:
        log_ignored(intake.reason_not_results(found), found.container, found.blob, traceparent_of(context))


@app.function_name("start_analysis_by_hand")
@app.route("analyse/{media}/{media_type}/{container}", methods=["GET", "POST"], trigger_arg_name="request")
def start_analysis_by_hand(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Start an analysis with a function key, without an upload's event."""
    return by_hand.start(request, settings, traceparent_of(context))


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
        """An upload into the one shared container: start its analysis. Only a reference arrives, no bytes."""
        submission.submit_from_reference(client, settings, traceparent_of(context))

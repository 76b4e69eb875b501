# The function app in the official Functions host. Not run by us: its image comes from a registry out of our reach.
# By its tag and not by a digest: for trying the official host on one machine, never part of a release.
FROM mcr.microsoft.com/azure-functions/python:4-python3.11
COPY cloud_function/requirements.txt /build/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement /build/requirements.txt
COPY cloud_function /home/site/wwwroot
ENV AzureWebJobsScriptRoot=/home/site/wwwroot \
    AzureFunctionsJobHost__Logging__Console__IsEnabled=true

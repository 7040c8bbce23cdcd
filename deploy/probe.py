"""Check the service in this container: `python probe.py /readyz`."""

import http.client
import os
import sys
from http import HTTPStatus

# Not urllib, which would use a proxy from the environment.
port = int(os.environ["UPSTAIRS_OPERATIONS_PORT"])
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
connection.request("GET", sys.argv[1])
answer = connection.getresponse()
sys.stdout.write(answer.read().decode())
sys.exit(answer.status != HTTPStatus.OK)

"""What tests of the network ask of unmodified pyVmomi, over TLS or not: one JSON request a line in, one JSON answer a line out."""
import json
import sys
from urllib.parse import urlsplit

from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim

URL, USER, PASSWORD = sys.argv[1:4]
service = None


def machines():
    content = service.RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    try:
        return list(view.view)
    finally:
        view.DestroyView()


def connect(request):
    global service
    url = urlsplit(URL)
    port = url.port or (443 if url.scheme == "https" else 80)
    service = SmartConnect(protocol=url.scheme, host=url.hostname, port=port, user=USER, pwd=PASSWORD,
                           disableSslCertValidation=True)
    return service.RetrieveContent().about.fullName


def names(request):
    return [machine.name for machine in machines()]


def power(request):
    [machine] = [one for one in machines() if one.name == request["name"]]
    WaitForTask(machine.PowerOnVM_Task() if request["do"] == "on" else machine.PowerOffVM_Task())


def close(request):
    if service is not None:
        Disconnect(service)


ACTS = {"connect": connect, "names": names, "power": power, "close": close}

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"value": ACTS[request["act"]](request)}
    except Exception as error:
        answer = {"error": "%s: %s" % (type(error).__name__, getattr(error, "msg", error))}
    print(json.dumps(answer), flush=True)

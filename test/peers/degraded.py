"""pyVmomi with objects it holds, while something is away: one JSON request a line in, one JSON answer a line out, with the fault's type and the milliseconds."""
import json
import sys
import time

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl

HOST, PORT, USER, PASSWORD = sys.argv[1:5]
service = SmartConnect(host=HOST, port=int(PORT), user=USER, pwd=PASSWORD, disableSslCertValidation=True)
content = service.RetrieveContent()
machines = {}
view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
for one in view.view:
    machines[one.name] = one
tasks = {}


def name(fault):
    return type(fault).__name__.rsplit(".", 1)[-1]


def start(request):
    task = getattr(machines[request["name"]], request["call"])()
    tasks[task._moId] = task
    return task._moId


def states(request):
    machine = machines[request["name"]]
    host = machine.runtime.host
    return {
        "machine": machine.runtime.connectionState,
        "machineStatus": machine.overallStatus,
        "power": machine.runtime.powerState,
        "host": host.runtime.connectionState,
        "hostStatus": host.overallStatus,
        "id": machine._moId,
    }


def task(request):
    info = tasks[request["task"]].info
    return {"state": info.state, "fault": None if info.error is None else name(info.error)}


ACTS = {
    "start": start,
    "states": states,
    "task": task,
    "time": lambda request: str(service.CurrentTime()),
    "logOut": lambda request: Disconnect(service),
}
for line in sys.stdin:
    request = json.loads(line)
    begun = time.monotonic()
    answer = {}
    try:
        answer["value"] = ACTS[request["act"]](request)
    except (vmodl.MethodFault, vmodl.RuntimeFault) as fault:
        answer["fault"] = name(fault)
    except OSError as lost:
        # The connection it kept has ended; the next request opens another one, with the same session.
        answer["fault"] = "lost: %s" % lost
    answer["ms"] = (time.monotonic() - begun) * 1000
    print(json.dumps({"value": answer}), flush=True)

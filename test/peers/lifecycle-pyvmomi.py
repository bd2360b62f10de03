"""The lifecycle's acts with unmodified pyVmomi: one JSON request a line in, one JSON answer a line out."""
import base64
import json
import ssl
import sys
import urllib.parse
import urllib.request

from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

HOST, PORT, USER, PASSWORD = sys.argv[1:5]
service = None


def content():
    return service.RetrieveContent()


def machines():
    view = content().viewManager.CreateContainerView(content().rootFolder, [vim.VirtualMachine], True)
    try:
        return list(view.view)
    finally:
        view.DestroyView()


def find(name):
    for machine in machines():
        if machine.name == name:
            return machine
    raise KeyError(name)


def connect(request):
    global service
    service = SmartConnect(host=HOST, port=int(PORT), user=USER, pwd=PASSWORD, disableSslCertValidation=True)
    return content().about.fullName


def names(request):
    return [urllib.parse.unquote(machine.name) for machine in machines()]


def create(request):
    datacenter = content().rootFolder.childEntity[0]
    resource = datacenter.hostFolder.childEntity[0]
    network = [one for one in resource.network if one.name == request["network"]][0]
    controller = vim.vm.device.VirtualLsiLogicController(key=-1, busNumber=0, sharedBus="noSharing")
    disk = vim.vm.device.VirtualDisk(
        key=-2, controllerKey=-1, unitNumber=0, capacityInKB=request["diskMiB"] * 1024,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(diskMode="persistent", thinProvisioned=True,
                                                              fileName="[%s]" % request["datastore"]))
    card = vim.vm.device.VirtualE1000(
        key=-3, addressType="generated",
        backing=vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName=network.name, network=network))
    add = vim.vm.device.VirtualDeviceSpec.Operation.add
    changes = [vim.vm.device.VirtualDeviceSpec(operation=add, device=device) for device in (controller, disk, card)]
    changes[1].fileOperation = vim.vm.device.VirtualDeviceSpec.FileOperation.create
    spec = vim.vm.ConfigSpec(name=request["name"], memoryMB=request["memoryMiB"], numCPUs=1, guestId="otherGuest64",
                             files=vim.vm.FileInfo(vmPathName="[%s]" % request["datastore"]), deviceChange=changes)
    WaitForTask(datacenter.vmFolder.CreateVM_Task(config=spec, pool=resource.resourcePool))


def see(request):
    machine = find(request["name"])
    return {"power": machine.runtime.powerState, "memoryMiB": machine.config.hardware.memoryMB,
            "cpus": machine.config.hardware.numCPU}


def screenshot(request):
    machine = find(request["name"])
    url = "https://%s:%s/screen?id=%s" % (HOST, PORT, machine._moId)
    credentials = base64.b64encode(("%s:%s" % (USER, PASSWORD)).encode()).decode()
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    asked = urllib.request.Request(url, headers={"Authorization": "Basic " + credentials})
    return base64.b64encode(urllib.request.urlopen(asked, context=context, timeout=30).read()).decode()


def tree(snapshots):
    for one in snapshots:
        yield one
        yield from tree(one.childSnapshotList)


def all_snapshots(machine):
    return list(tree(machine.snapshot.rootSnapshotList)) if machine.snapshot else []


def revert(request):
    machine = find(request["name"])
    found = [one for one in all_snapshots(machine) if one.name == request["snapshot"]]
    WaitForTask(found[0].snapshot.RevertToSnapshot_Task())


def set_memory(request):
    try:
        WaitForTask(find(request["name"]).ReconfigVM_Task(vim.vm.ConfigSpec(memoryMB=request["memoryMiB"])))
    except vmodl.MethodFault as fault:
        return type(fault).__name__.rsplit(".", 1)[-1]
    return None


def add_disk(request):
    machine = find(request["name"])
    disks = [one for one in machine.config.hardware.device if isinstance(one, vim.vm.device.VirtualDisk)]
    file = "[%s] %s/%s.vmdk" % (request["datastore"], machine.name, request["file"])
    disk = vim.vm.device.VirtualDisk(
        key=-1, controllerKey=disks[0].controllerKey, unitNumber=disks[0].unitNumber + 1,
        capacityInKB=request["sizeMiB"] * 1024,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(diskMode="persistent", thinProvisioned=True, fileName=file))
    change = vim.vm.device.VirtualDeviceSpec(operation="add", fileOperation="create", device=disk)
    WaitForTask(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))


def remove_disk(request):
    machine = find(request["name"])
    disks = [one for one in machine.config.hardware.device if isinstance(one, vim.vm.device.VirtualDisk)]
    change = vim.vm.device.VirtualDeviceSpec(operation="remove", fileOperation="destroy", device=disks[-1])
    WaitForTask(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))


def rename(request):
    machine = find(request["name"])
    if "-on" in request["to"]:
        WaitForTask(machine.ReconfigVM_Task(vim.vm.ConfigSpec(name=request["to"])))
    else:
        WaitForTask(machine.Rename_Task(request["to"]))


def events(request):
    machine = find(request["name"])
    by_entity = vim.event.EventFilterSpec.ByEntity(entity=machine, recursion="self")
    found = content().eventManager.QueryEvents(vim.event.EventFilterSpec(entity=by_entity))
    return "\n".join(type(one).__name__ + " " + (one.fullFormattedMessage or "") for one in found)


def tasks(request):
    infos = [task.info for task in find(request["name"]).recentTask]
    return "\n".join("%s %s %s" % (info.descriptionId, info.name, info.state) for info in infos)


ACTS = {
    "connect": connect,
    "list": names,
    "create": create,
    "see": see,
    "powerOn": lambda request: WaitForTask(find(request["name"]).PowerOnVM_Task()) and None,
    "powerOff": lambda request: WaitForTask(find(request["name"]).PowerOffVM_Task()) and None,
    "shutdown": lambda request: find(request["name"]).ShutdownGuest(),
    "suspend": lambda request: WaitForTask(find(request["name"]).SuspendVM_Task()) and None,
    "screenshot": screenshot,
    "takeSnapshot": lambda request: WaitForTask(
        find(request["name"]).CreateSnapshot_Task(request["snapshot"], "", False, False)) and None,
    "revert": revert,
    "snapshots": lambda request: [one.name for one in all_snapshots(find(request["name"]))],
    "setMemory": set_memory,
    "addDisk": add_disk,
    "removeDisk": remove_disk,
    "rename": rename,
    "events": events,
    "tasks": tasks,
    "destroy": lambda request: WaitForTask(find(request["name"]).Destroy_Task()) and None,
    "close": lambda request: Disconnect(service),
}

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"value": ACTS[request["act"]](request)}
    except Exception as error:  # told to the test, which fails
        answer = {"error": "%s: %s" % (type(error).__name__, getattr(error, "msg", None) or error)}
    print(json.dumps(answer, default=str), flush=True)

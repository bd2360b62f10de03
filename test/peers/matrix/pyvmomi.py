"""The matrix's acts with unmodified pyVmomi: one JSON request a line in, one JSON answer a line out. Sizes in MiB."""
import json
import sys
import threading
import time
import urllib.parse

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl

HOST, PORT, USER, PASSWORD = sys.argv[1:5]
POWER = {"poweredOn": "on", "poweredOff": "off", "suspended": "suspended"}
NATIVE = {word: native for native, word in POWER.items()}
service = None
waits = {}


def log_in(password=PASSWORD):
    return SmartConnect(host=HOST, port=int(PORT), user=USER, pwd=password, disableSslCertValidation=True)


def done(task):
    """pyVim's own WaitForTask stumbles over the name that govmomi's simulator gives some running tasks."""
    for _ in range(1200):
        info = task.info
        if info.state == "success":
            return info.result
        if info.state == "error":
            raise info.error
        time.sleep(0.05)
    raise TimeoutError(info.descriptionId)


def content():
    return service.RetrieveContent()


def all_of(kind):
    view = content().viewManager.CreateContainerView(content().rootFolder, [kind], True)
    try:
        return list(view.view)
    finally:
        view.DestroyView()


def plain(name):
    return urllib.parse.unquote(name)


def find(name):
    for machine in all_of(vim.VirtualMachine):
        if plain(machine.name) == name:
            return machine
    raise KeyError(name)


def disks(machine):
    return [one for one in machine.config.hardware.device if isinstance(one, vim.vm.device.VirtualDisk)]


def flat(trees):
    for tree in trees:
        yield tree
        yield from flat(tree.childSnapshotList)


def read(machine, *paths):
    """One read by the PropertyCollector: what is not set is None (govmomi's simulator has no Fetch of an unset property)."""
    collector = vmodl.query.PropertyCollector
    what = collector.PropertySpec(type=type(machine), pathSet=list(paths))
    spec = collector.FilterSpec(propSet=[what], objectSet=[collector.ObjectSpec(obj=machine)])
    found = {one.name: one.val for one in content().propertyCollector.RetrieveContents([spec])[0].propSet}
    return [found.get(path) for path in paths]


def snapshots(machine):
    info = read(machine, "snapshot")[0]
    return list(flat(info.rootSnapshotList)) if info else []


def current_of(machine):
    info = read(machine, "snapshot")[0]
    return [one.name for one in flat(info.rootSnapshotList) if one.snapshot == info.currentSnapshot][:1] if info else []


def snapshot_of(request):
    return [one for one in snapshots(find(request["name"])) if one.name == request["snapshot"]][0].snapshot


def connect(request):
    global service
    service = log_in()
    return content().about.fullName


def machine_of(machine):
    cards = [one for one in machine.config.hardware.device if isinstance(one, vim.vm.device.VirtualEthernetCard)]
    return {
        "name": plain(machine.name), "power": POWER[machine.runtime.powerState],
        "memoryMiB": machine.config.hardware.memoryMB, "cpus": machine.config.hardware.numCPU,
        "diskMiB": [disk.capacityInKB / 1024 for disk in disks(machine)],
        "macs": [card.macAddress.lower() for card in cards], "snapshots": [one.name for one in snapshots(machine)],
        "current": "".join(current_of(machine)),
    }


def estate(request):
    return {"machines": [machine_of(machine) for machine in all_of(vim.VirtualMachine)],
            "storages": [plain(one.name) for one in all_of(vim.Datastore)],
            "networks": [plain(one.name) for one in all_of(vim.Network)]}


def create(request):
    datacenter = [one for one in content().rootFolder.childEntity if isinstance(one, vim.Datacenter)][0]
    host = all_of(vim.HostSystem)[0]
    network = [one for one in host.network if one.name == request["network"]][0]
    controller = vim.vm.device.VirtualLsiLogicController(key=-1, busNumber=0, sharedBus="noSharing")
    disk = vim.vm.device.VirtualDisk(
        key=-2, controllerKey=-1, unitNumber=0, capacityInKB=request["diskMiB"] * 1024,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(diskMode="persistent", thinProvisioned=True,
                                                              fileName="[%s]" % request["storage"]))
    card = vim.vm.device.VirtualE1000(
        key=-3, addressType="generated",
        backing=vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName=network.name, network=network))
    add = vim.vm.device.VirtualDeviceSpec.Operation.add
    changes = [vim.vm.device.VirtualDeviceSpec(operation=add, device=device) for device in (controller, disk, card)]
    changes[1].fileOperation = vim.vm.device.VirtualDeviceSpec.FileOperation.create
    spec = vim.vm.ConfigSpec(name=request["name"], memoryMB=request["memoryMiB"], numCPUs=1, guestId="otherGuest64",
                             files=vim.vm.FileInfo(vmPathName="[%s]" % request["storage"]), deviceChange=changes)
    done(datacenter.vmFolder.CreateVM_Task(config=spec, pool=host.parent.resourcePool, host=host))


def power(request):
    machine = find(request["name"])
    done({"on": machine.PowerOnVM_Task, "resume": machine.PowerOnVM_Task, "off": machine.PowerOffVM_Task,
                 "suspend": machine.SuspendVM_Task, "reset": machine.ResetVM_Task}[request["do"]]())


def reconfigure(machine, **members):
    done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(**members)))


def add_disk(request):
    machine = find(request["name"])
    last = disks(machine)[-1]
    file = "[%s] %s/second.vmdk" % (request["storage"], machine.name)
    disk = vim.vm.device.VirtualDisk(
        key=-1, controllerKey=last.controllerKey, unitNumber=last.unitNumber + 1, capacityInKB=request["sizeMiB"] * 1024,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(diskMode="persistent", thinProvisioned=True, fileName=file))
    reconfigure(machine, deviceChange=[
        vim.vm.device.VirtualDeviceSpec(operation="add", fileOperation="create", device=disk)])


def remove_disk(request):
    machine = find(request["name"])
    disk = [one for one in disks(machine) if one.capacityInKB == request["sizeMiB"] * 1024][-1]
    reconfigure(machine, deviceChange=[
        vim.vm.device.VirtualDeviceSpec(operation="remove", fileOperation="destroy", device=disk)])


def wait_for(machine, state, told):
    """A session of its own: the long poll blocks its connection. `told` is set when the present state is known."""
    own = log_in()
    try:
        collector = own.RetrieveContent().propertyCollector
        what = vmodl.query.PropertyCollector.PropertySpec(type=vim.VirtualMachine, pathSet=["runtime.powerState"])
        which = vmodl.query.PropertyCollector.ObjectSpec(obj=machine)
        collector.CreateFilter(
            vmodl.query.PropertyCollector.FilterSpec(propSet=[what], objectSet=[which]), partialUpdates=False)
        version = ""
        for _ in range(50):
            options = vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=30)
            update = collector.WaitForUpdatesEx(version, options)
            if update is None:
                return False
            version = update.version
            told.set()
            for filters in update.filterSet:
                for one in filters.objectSet:
                    if any(change.val == state for change in one.changeSet):
                        return True
        return False
    finally:
        told.set()
        Disconnect(own)


def watch(request):
    machine = find(request["name"])
    answer, told = [], threading.Event()
    thread = threading.Thread(target=lambda: answer.append(wait_for(machine, NATIVE[request["power"]], told)), daemon=True)
    thread.start()
    told.wait(60)
    waits[request["name"]] = (thread, answer)


def watched(request):
    thread, answer = waits.pop(request["name"])
    thread.join(60)
    return bool(answer and answer[0])


def task(request):
    machine = find(request["name"])
    started = machine.PowerOnVM_Task()
    done(started)
    info = started.info
    return "%s %s %s" % (info.descriptionId, plain(info.entityName or ""), info.state)


def fault_of(act):
    try:
        act()
    except vmodl.MethodFault as fault:
        return type(fault).__name__.rsplit(".", 1)[-1]
    raise AssertionError("it was done")


def wrong_id(request):
    return fault_of(lambda: vim.VirtualMachine("vm-987654321", service._stub).name)


ACTS = {
    "connect": connect, "estate": estate, "create": create, "power": power, "addDisk": add_disk,
    "removeDisk": remove_disk, "watch": watch, "watched": watched, "task": task, "wrongId": wrong_id,
    "change": lambda request: reconfigure(
        find(request["name"]), memoryMB=request["memoryMiB"], numCPUs=request["cpus"]),
    "takeSnapshot": lambda request: done(
        find(request["name"]).CreateSnapshot_Task(request["snapshot"], "", False, False)) and None,
    "revert": lambda request: done(snapshot_of(request).RevertToSnapshot_Task()) and None,
    "removeSnapshot": lambda request: done(snapshot_of(request).RemoveSnapshot_Task(False)) and None,
    "rename": lambda request: done(find(request["name"]).Rename_Task(request["to"])) and None,
    "remove": lambda request: done(find(request["name"]).Destroy_Task()) and None,
    "wrongState": lambda request: fault_of(lambda: done(find(request["name"]).PowerOffVM_Task())),
    "badLogin": lambda request: fault_of(lambda: log_in("wrong")),
    "close": lambda request: Disconnect(service),
}

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"value": ACTS[request["act"]](request)}
    except Exception as error:  # told to the test, which fails
        answer = {"error": "%s: %s" % (type(error).__name__, getattr(error, "msg", None) or error)}
    print(json.dumps(answer, default=str), flush=True)

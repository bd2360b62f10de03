"""The matrix's acts with unmodified XenAPI.py: one JSON request a line in, one JSON answer a line out. Sizes in MiB."""
import json
import sys
import threading
import time

import XenAPI

URL, USER, PASSWORD = sys.argv[1:4]
MIB = 1024 * 1024
POWER = {"Running": "on", "Halted": "off", "Suspended": "suspended", "Paused": "paused"}
NATIVE = {word: native for native, word in POWER.items()}
session = None
waits = {}


def log_in(password=PASSWORD):
    opened = XenAPI.Session(URL, ignore_ssl=True)
    opened.xenapi.login_with_password(USER, password, "1.0", "matrix")
    return opened


def connect(request):
    global session
    session = log_in()
    pool = session.xenapi.pool.get_all()[0]
    version = session.xenapi.host.get_software_version(session.xenapi.pool.get_master(pool))
    return "%s %s" % (version["product_brand"], version["product_version"])


def find(name):
    found = [ref for ref in session.xenapi.VM.get_by_name_label(name)
             if not session.xenapi.VM.get_is_a_snapshot(ref) and not session.xenapi.VM.get_is_a_template(ref)]
    if len(found) != 1:
        raise KeyError("%d VMs are called %s" % (len(found), name))
    return found[0]


def disks_of(vm, vbds, vdis):
    found = [vbds[ref] for ref in vm["VBDs"] if vbds[ref]["type"] == "Disk"]
    return [int(vdis[vbd["VDI"]]["virtual_size"]) / MIB for vbd in sorted(found, key=lambda vbd: int(vbd["userdevice"]))]


def estate(request):
    api = session.xenapi
    vms, vbds, vdis = api.VM.get_all_records(), api.VBD.get_all_records(), api.VDI.get_all_records()
    vifs = api.VIF.get_all_records()
    machines = []
    for vm in vms.values():
        if vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_control_domain"]:
            continue
        machines.append({
            "name": vm["name_label"], "power": POWER[vm["power_state"]],
            "memoryMiB": int(vm["memory_dynamic_max"]) / MIB, "cpus": int(vm["VCPUs_at_startup"]),
            "diskMiB": disks_of(vm, vbds, vdis),
            "macs": [vifs[ref]["MAC"].lower() for ref in vm["VIFs"]],
            "snapshots": [vms[ref]["name_label"] for ref in vm["snapshots"]],
            "current": vms[vm["parent"]]["name_label"] if vm["parent"] in vms else "",
        })
    return {"machines": machines,
            "storages": [one["name_label"] for one in api.SR.get_all_records().values()],
            "networks": [one["name_label"] for one in api.network.get_all_records().values()]}


def make_disk(vm, size, storage, label):
    api = session.xenapi
    vdi = api.VDI.create({
        "name_label": label, "name_description": "", "SR": api.SR.get_by_name_label(storage)[0],
        "virtual_size": str(size * MIB), "type": "user", "sharable": False, "read_only": False, "other_config": {},
        "xenstore_data": {}, "sm_config": {}, "tags": []})
    return api.VBD.create({
        "VM": vm, "VDI": vdi, "userdevice": api.VM.get_allowed_VBD_devices(vm)[0], "bootable": False, "mode": "RW",
        "type": "Disk", "empty": False, "other_config": {}, "qos_algorithm_type": "", "qos_algorithm_params": {}})


def create(request):
    api = session.xenapi
    template = api.VM.get_by_name_label("Other install media")[0]
    vm = api.VM.clone(template, request["name"])
    api.VM.set_name_description(vm, "made by the matrix")
    other = api.VM.get_other_config(vm)
    other.pop("disks", None)
    api.VM.set_other_config(vm, other)
    api.VM.provision(vm)
    api.VM.set_VCPUs_max(vm, "1")
    api.VM.set_VCPUs_at_startup(vm, "1")
    size = str(request["memoryMiB"] * MIB)
    api.VM.set_memory_limits(vm, size, size, size, size)
    make_disk(vm, request["diskMiB"], request["storage"], request["name"] + " 0")
    network = api.network.get_by_name_label(request["network"])[0]
    api.VIF.create({
        "device": api.VM.get_allowed_VIF_devices(vm)[0], "network": network, "VM": vm, "MAC": "",
        "MTU": api.network.get_MTU(network), "other_config": {}, "qos_algorithm_type": "", "qos_algorithm_params": {}})


def power(request):
    api, vm = session.xenapi, find(request["name"])
    {"on": lambda: api.VM.start(vm, False, False), "off": lambda: api.VM.hard_shutdown(vm),
     "suspend": lambda: api.VM.suspend(vm), "resume": lambda: api.VM.resume(vm, False, False),
     "reset": lambda: api.VM.hard_reboot(vm), "pause": lambda: api.VM.pause(vm),
     "unpause": lambda: api.VM.unpause(vm)}[request["do"]]()


def change(request):
    api, vm = session.xenapi, find(request["name"])
    size = str(request["memoryMiB"] * MIB)
    api.VM.set_memory_limits(vm, size, size, size, size)
    setters = [api.VM.set_VCPUs_max, api.VM.set_VCPUs_at_startup]
    # Neither order of the two is right for more and for fewer.
    if request["cpus"] < int(api.VM.get_VCPUs_at_startup(vm)):
        setters.reverse()
    for setter in setters:
        setter(vm, str(request["cpus"]))


def add_disk(request):
    make_disk(find(request["name"]), request["sizeMiB"], request["storage"], "second")


def remove_disk(request):
    api, vm = session.xenapi, find(request["name"])
    for vbd in api.VM.get_VBDs(vm):
        record = api.VBD.get_record(vbd)
        if record["type"] == "Disk" and int(api.VDI.get_virtual_size(record["VDI"])) == request["sizeMiB"] * MIB:
            api.VBD.destroy(vbd)
            api.VDI.destroy(record["VDI"])
            return
    raise KeyError("no such disk")


def snapshot_of(request):
    api = session.xenapi
    return [ref for ref in api.VM.get_snapshots(find(request["name"]))
            if api.VM.get_name_label(ref) == request["snapshot"]][0]


def remove_with_disks(vm):
    """VM.destroy leaves the disks behind, on a XenServer as well: clients destroy them."""
    api = session.xenapi
    records = [api.VBD.get_record(vbd) for vbd in api.VM.get_VBDs(vm)]
    api.VM.destroy(vm)
    for record in records:
        if record["type"] == "Disk" and record["VDI"] != "OpaqueRef:NULL":
            api.VDI.destroy(record["VDI"])


def wait_for(vm, state, told):
    """In a session of its own; `told` is set when the present state is known."""
    own = log_in()
    try:
        token, until = "", time.time() + 50
        while time.time() < until:
            batch = getattr(own.xenapi, "event").__getattr__("from")(["VM"], token, 20.0)
            token = batch["token"]
            told.set()
            for event in batch["events"]:
                if event["ref"] == vm and event["operation"] != "del" and event["snapshot"]["power_state"] == state:
                    return True
        return False
    finally:
        told.set()
        own.xenapi.session.logout()


def watch(request):
    vm, answer, told = find(request["name"]), [], threading.Event()
    thread = threading.Thread(target=lambda: answer.append(wait_for(vm, NATIVE[request["power"]], told)), daemon=True)
    thread.start()
    told.wait(60)
    waits[request["name"]] = (thread, answer)


def watched(request):
    thread, answer = waits.pop(request["name"])
    thread.join(60)
    return bool(answer and answer[0])


def task(request):
    api = session.xenapi
    started = session.xenapi.Async.VM.start(find(request["name"]), False, False)
    try:
        while api.task.get_status(started) == "pending":
            time.sleep(0.1)
        record = api.task.get_record(started)
        return "%s %s %s" % (record["name_label"], record["progress"], record["status"])
    finally:
        api.task.destroy(started)


def fault_of(act):
    try:
        act()
    except XenAPI.Failure as fault:
        return fault.details[0]
    raise AssertionError("it was done")


ACTS = {
    "connect": connect, "estate": estate, "create": create, "power": power, "change": change, "addDisk": add_disk,
    "removeDisk": remove_disk, "watch": watch, "watched": watched, "task": task,
    "takeSnapshot": lambda request: session.xenapi.VM.snapshot(find(request["name"]), request["snapshot"]) and None,
    "revert": lambda request: session.xenapi.VM.revert(snapshot_of(request)) and None,
    "removeSnapshot": lambda request: remove_with_disks(snapshot_of(request)),
    "rename": lambda request: session.xenapi.VM.set_name_label(find(request["name"]), request["to"]) and None,
    "remove": lambda request: remove_with_disks(find(request["name"])),
    "wrongState": lambda request: fault_of(lambda: session.xenapi.VM.hard_shutdown(find(request["name"]))),
    "wrongId": lambda request: fault_of(
        lambda: session.xenapi.VM.get_record("OpaqueRef:00000000-0000-0000-0000-000000000000")),
    "badLogin": lambda request: fault_of(lambda: log_in("wrong")),
    "close": lambda request: session.xenapi.session.logout() and None,
}

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"value": ACTS[request["act"]](request)}
    except Exception as error:  # told to the test, which fails
        answer = {"error": "%s: %s" % (type(error).__name__, error)}
    print(json.dumps(answer, default=str), flush=True)

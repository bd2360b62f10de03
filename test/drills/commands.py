"""Commands of one vendor's client, one after the other and none of them twice: settings (JSON) in the first line of input, one JSON line for each command out.

Each command writes a text that no other one writes. The client connects anew after a broken connection and logs in anew when its session is gone; what it
does not know the end of it says so of, and goes on with the next command."""
import json
import random
import socket
import sys
import time
import xmlrpc.client

PAUSE_AFTER_FAULT = 0.2
TASK_PAUSE = 0.01
TASK_LIMIT = 120
# A connection that is silent for so long is broken for its client.
SILENCE = 100


class Refused(Exception):
    """The API's own word for what it did not do, or does not know."""


class Vim25:
    """pyVmomi."""

    def __init__(self, url, user, password):
        from pyVim.connect import SmartConnect
        from pyVmomi import vim, vmodl

        self.vim, self.vmodl = vim, vmodl
        host, port = url.split("//")[1].split("/")[0].rsplit(":", 1)
        self.service = SmartConnect(host=host, port=int(port), user=user, pwd=password, disableSslCertValidation=True)
        self.user, self.password = user, password
        self.broken = (OSError, xmlrpc.client.http.client.HTTPException)

    def find(self, names):
        content = self.service.RetrieveContent()
        view = content.viewManager.CreateContainerView(content.rootFolder, [self.vim.VirtualMachine], True)
        found = {one.name: one for one in view.view}
        self.machines = {name: found[name] for name in names}

    def log_in(self):
        self.service.content.sessionManager.Login(self.user, self.password)

    def name_of(self, fault):
        return type(fault).__name__.rsplit(".", 1)[-1]

    def refused(self, act):
        try:
            return act()
        except (self.vmodl.MethodFault, self.vmodl.RuntimeFault) as fault:
            raise Refused(self.name_of(fault)) from fault

    def finish(self, task, told):
        """The end of a task: reads are asked again, for they command nothing."""
        end = time.monotonic() + TASK_LIMIT
        while time.monotonic() < end:
            try:
                info = self.refused(lambda: task.info)
                if info.state == "success":
                    return
                if info.state == "error":
                    raise Refused("task: " + self.name_of(info.error))
                time.sleep(TASK_PAUSE)
            except Refused as fault:
                word = str(fault)
                if word.startswith("task: ") or word == "ManagedObjectNotFound":
                    raise
                told.append(word)
                if word == "NotAuthenticated":
                    self.refused(self.log_in)
                time.sleep(PAUSE_AFTER_FAULT)
            except self.broken as error:
                told.append(type(error).__name__)
                time.sleep(PAUSE_AFTER_FAULT)
        raise Refused("no end of the task in time")

    def write(self, name, marker, told):
        spec = self.vim.vm.ConfigSpec(annotation=marker)
        self.finish(self.refused(lambda: self.machines[name].ReconfigVM_Task(spec)), told)

    def switch(self, name, on, told):
        machine = self.machines[name]
        self.finish(self.refused(machine.PowerOnVM_Task if on else machine.PowerOffVM_Task), told)


class OnceTransport(xmlrpc.client.SafeTransport):
    """Python's own sends a request again when a kept connection turns out to be closed."""

    def request(self, host, handler, request_body, verbose=False):
        return self.single_request(host, handler, request_body, verbose)


class XenApi:
    """PyPI's XenAPI; `session.xenapi` would repeat a call after SESSION_INVALID, so calls are made one below it."""

    def __init__(self, url, user, password):
        import ssl

        import XenAPI

        self.session = XenAPI.Session(url, transport=OnceTransport(context=ssl._create_unverified_context()))
        self.user, self.password = user, password
        self.broken = (OSError, xmlrpc.client.http.client.HTTPException, xmlrpc.client.ProtocolError)
        self.log_in()

    def log_in(self):
        self.session.login_with_password(self.user, self.password, "1.0", "drills")

    def call(self, method, *arguments):
        function = self.session
        for part in method.split("."):
            function = getattr(function, part)
        try:
            answer = function(self.session._session, *arguments)
        except xmlrpc.client.Fault as fault:
            raise Refused(fault.faultString) from fault
        if answer["Status"] != "Success":
            raise Refused(answer["ErrorDescription"][0])
        return answer.get("Value")

    def find(self, names):
        self.machines = {name: self.call("VM.get_by_name_label", name)[0] for name in names}

    def write(self, name, marker, told):
        self.call("VM.set_name_description", self.machines[name], marker)

    def switch(self, name, on, told):
        if on:
            self.call("VM.start", self.machines[name], False, False)
        else:
            self.call("VM.hard_shutdown", self.machines[name])


WRONG_STATE = ("InvalidPowerState", "VM_BAD_POWER_STATE")


def timed(client, act, record):
    """One command: how it ended for its client, and how long that took."""
    told = []
    begun, steady = time.time(), time.monotonic()
    answer, broken = "success", False
    try:
        act(told)
    except Refused as fault:
        answer = str(fault)
    except client.broken as error:
        answer, broken = type(error).__name__, True
    ms = (time.monotonic() - steady) * 1000
    print(json.dumps({**record, "sentMs": begun * 1000, "ms": ms, "answer": answer, "broken": broken, "told": told}), flush=True)
    if answer in ("NotAuthenticated", "SESSION_INVALID"):
        try:
            client.log_in()
        except Exception:  # noqa: BLE001 - whatever it is: the next command says so too
            pass
    return answer


def main():
    socket.setdefaulttimeout(SILENCE)
    setting = json.loads(sys.stdin.readline())
    client = {"vim25": Vim25, "xenapi": XenApi}[setting["vendor"]](setting["url"], setting["user"], setting["password"])
    client.find([*setting["machines"], setting["switched"]])
    dice = random.Random(setting["seed"])
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.readline()
    on = True
    for n in range(setting["count"]):
        machine = dice.choice(setting["machines"])
        marker = "%s-%d" % (setting["name"], n)
        record = {"machine": machine, "marker": marker}
        answer = timed(client, lambda told: client.write(machine, marker, told), record)
        time.sleep(setting["pause"] if answer == "success" else PAUSE_AFTER_FAULT)
        if n % setting["switchEvery"] != 0:
            continue
        machine = setting["switched"]
        record = {"machine": machine, "switch": "on" if on else "off"}
        answer = timed(client, lambda told: client.switch(machine, on, told), record).removeprefix("task: ")
        if answer == "success" or answer in WRONG_STATE:
            on = not on


main()

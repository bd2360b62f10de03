"""Calls through PyPI's XenAPI: one JSON request a line in (act, method, arguments), one JSON answer a line out (see act-program.ts)."""
import json
import sys
import xmlrpc.client

import XenAPI


def plain(value):
    """What JSON has no word for: times are {"time": text}."""
    if isinstance(value, xmlrpc.client.DateTime):
        return {"time": value.value}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def sent(value):
    """{"float": 1} is a double, {"nothing": true} is None; all else goes as it is."""
    if isinstance(value, dict):
        if set(value) == {"float"}:
            return float(value["float"])
        if set(value) == {"nothing"}:
            return None
        return {key: sent(item) for key, item in value.items()}
    if isinstance(value, list):
        return [sent(item) for item in value]
    return value


def call(session, method, arguments):
    function = session.xenapi
    # getattr, for `from` is a word of Python.
    for name in method.split("."):
        function = getattr(function, name)
    return function(*[sent(argument) for argument in arguments])


def main():
    url, user, password = sys.argv[1:4]
    session = XenAPI.Session(url, ignore_ssl=url.startswith("https"))
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["act"] == "login":
                session.login_with_password(user, request.get("password", password), "1.0", "transvisor-tests")
                answer = {"version": session.API_version, "session": session.handle}
            elif request["act"] == "logout":
                answer = session.xenapi.session.logout()
            else:
                answer = plain(call(session, request["method"], request["arguments"]))
            print(json.dumps({"value": {"value": answer}}), flush=True)
        except XenAPI.Failure as failure:
            print(json.dumps({"value": {"failure": failure.details}}), flush=True)
        except xmlrpc.client.Fault as fault:
            print(json.dumps({"value": {"fault": [fault.faultCode, fault.faultString]}}), flush=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shall see it
            print(json.dumps({"error": "%s: %s" % (type(error).__name__, error)}), flush=True)


main()

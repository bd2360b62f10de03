"""Reads vim25 replies back with pyVmomi's own deserialiser. stdin: JSON [{"xml", "version"}]; stdout: JSON [problems of each]."""
import json
import re
import sys

from pyVmomi import SoapAdapter, VmomiSupport as support

versions = {support.versionIdMap[v]: v for v in support.GetServiceVersions('vim25') if v.startswith('vim.version.')}


class Stub(SoapAdapter.SoapStubAdapterBase):
    """Only its version is asked for."""

    def __init__(self, version):
        super().__init__(version=version)


def newer(value, version, path, problems):
    """Members that the client's version does not have; pyVmomi itself takes those of any version."""
    if isinstance(value, list):
        for at, item in enumerate(value):
            newer(item, version, '%s[%d]' % (path, at), problems)
    elif isinstance(value, support.DataObject):
        if not support.IsChildVersion(version, type(value)._version):
            problems.append('%s: type %s is newer than %s' % (path, support.GetWsdlName(type(value)), version))
        for info in value._GetPropertyList():
            inner = getattr(value, info.name)
            # Falsy values may be what pyVmomi fills in by itself.
            if not inner:
                continue
            if not support.IsChildVersion(version, info.version):
                problems.append('%s.%s: newer than %s' % (path, info.name, version))
            newer(inner, version, path + '.' + info.name, problems)


def read(xml, version_id):
    version = versions[version_id]
    match = re.search(r'<(\w+)Response[ >]', xml)
    result = object
    if match and match.group(1) != 'Fetch':
        result = support.GetWsdlMethod('urn:vim25', match.group(1)).info.result
        if result is type(None):
            result = object
    problems = []
    try:
        value = SoapAdapter.SoapResponseDeserializer(Stub(version)).Deserialize(xml, result)
        if not match and not isinstance(value, Exception):
            problems.append('neither a reply nor a fault')
        if not match and type(value).__name__ == 'vmodl.RuntimeFault' and 'RuntimeFaultFault' not in xml:
            problems.append('the fault was not read')
        newer(value, version, match.group(1) if match else 'Fault', problems)
    except Exception as error:  # whatever pyVmomi throws is the answer
        problems.append('%s: %s' % (type(error).__name__, error))
    return problems


json.dump([read(item['xml'], item['version']) for item in json.load(sys.stdin)], sys.stdout)

#!/usr/bin/env python3
"""Writes mappings/vim25/types.data.json: the facts of the vim25 API as pyVmomi's own type registry holds them.

Usage, from the top of the repository:
    scripts/peers    (pyVmomi, into .cache/venv)
    .cache/venv/bin/python scripts/generate-vim25-types.py

One line a type, words separated by one space (see mappings/vim25/types.ts for the grammar):
    E Name since value...                               an enumeration
    D Name Base since member...                         a data object (faults too)
    M Name Base since vmodl.Name property...  a managed object
    F wireName Owner since vmodlName result[?]['>'taskResult] privilege faults parameter...   a method
A member is name:Type['[]']['?'][@since][!privilege]; `since` is an index into `versions`, left out when it is its owner's.
Types are named as the wire names them; a declared MethodFault is LocalizedMethodFault, as the wire has it.
"""
import json
import pathlib
import sys

import pyVmomi
from pyVmomi import VmomiSupport as support

F_LINK, F_OPTIONAL = support.F_LINK, support.F_OPTIONAL

# Versions of the vim service, oldest first. Every vim version but 2.5u2server is a descendant of all before it.
chain = [v for v in support.GetServiceVersions('vim25') if v.startswith('vim.version.')]
chain.sort(key=lambda v: len(support.parentMap[v]))
version_ids = [support.versionIdMap[v] for v in chain]


def since(version):
    """Index of the first vim version that holds `version` (vmodl.*, vmodl.query.* versions have no number of their own)."""
    for index, candidate in enumerate(chain):
        if candidate == version or version in support.parentMap[candidate]:
            return index
    return 0  # the dynamic (reflect) versions are outside the chain


BUILTIN = {
    'vmodl.URI': 'anyURI', 'vmodl.Binary': 'base64Binary', 'vmodl.DateTime': 'dateTime', 'vmodl.TypeName': 'TypeName',
    'vmodl.MethodName': 'MethodName', 'vmodl.PropertyPath': 'PropertyPath', 'vmodl.DataObject': 'DataObject',
    'vmodl.ManagedObject': 'ManagedObject', 'bool': 'boolean', 'Link': 'string',
}
definitions = {}
for table in (support._dataDefMap, support._managedDefMap, support._enumDefMap):
    for row in table.values():
        definitions[row[0]] = row
fault_base = 'vmodl.MethodFault'


def is_fault(vmodl):
    while vmodl in support._dataDefMap or vmodl in definitions:
        if vmodl == fault_base:
            return True
        row = definitions.get(vmodl)
        if row is None or row in support._enumDefMap.values():
            return False
        vmodl = row[2]
    return False


def wire(vmodl):
    if vmodl in BUILTIN:
        return BUILTIN[vmodl]
    if vmodl in definitions:
        return definitions[vmodl][1]
    if vmodl in ('string', 'int', 'long', 'short', 'byte', 'boolean', 'double', 'float', 'anyType', 'void'):
        return vmodl
    raise KeyError(vmodl)


def member(row, owner_since, owner=''):
    name, type_name, version, flags = row[:4]
    privilege = row[4] if len(row) > 4 else None
    array = type_name.endswith('[]')
    base = type_name[:-2] if array else type_name
    if flags & F_LINK:
        shown = 'string'
    elif is_fault(base) and owner != 'LocalizedMethodFault':
        shown = 'LocalizedMethodFault'
    else:
        shown = wire(base)
    text = name + ':' + shown + ('[]' if array else '') + ('?' if flags & F_OPTIONAL else '')
    if since(version) != owner_since:
        text += '@%d' % since(version)
    if privilege:
        text += '!' + privilege
    return text


def vim25(version):
    # vSAN's own types share names of vmodl packages but are another service at another path.
    return version.startswith(('vim.version.', 'vmodl.'))


lines = []
for row in support._enumDefMap.values():
    vmodl, name, version, values = row
    if vim25(version):
        lines.append(' '.join(['E', name, str(since(version)), *values]))
for row in support._dataDefMap.values():
    vmodl, name, parent, version, props = row
    if not vim25(version):
        continue
    first = since(version)
    parent_name = '-' if parent is None or parent == 'vmodl.DataObject' or parent == 'DataObject' else wire(parent)
    if name in ('DataObject',):
        continue
    if name == 'LocalizedMethodFault':
        parent_name = 'DynamicData'  # pyVmomi derives it from MethodFault to ease its own decoding; the wire does not
    members = [member(p, first, name) for p in props or []
               if vim25(p[2]) and not (name == 'MethodFault' and p[0] == 'msg')]
    lines.append(' '.join(['D', name, parent_name, str(first), *members]))
for row in support._managedDefMap.values():
    vmodl, name, parent, version, props, methods = row
    if not vim25(version):
        continue
    first = since(version)
    if name == 'ManagedObject':
        parent_name, vmodl = '-', 'vmodl.ManagedObject'
    else:
        parent_name = 'ManagedObject' if parent in (None, 'vmodl.ManagedObject') else wire(parent)
    lines.append(' '.join(['M', name, parent_name, str(first), vmodl, *[member(p, first) for p in props or [] if vim25(p[2])]]))
    for m in methods or []:
        if not vim25(m[2]):
            continue
        vmodl_name, wire_name, m_version, params, result, privilege, faults = m
        flags, result_type, method_result = result[0], result[1], result[2]
        array = result_type.endswith('[]')
        bare = result_type[:-2] if array else result_type
        shown = ('LocalizedMethodFault' if is_fault(bare) else wire(bare)) + ('[]' if array else '') + ('?' if flags & F_OPTIONAL else '')
        if method_result != result_type:
            inner = method_result.endswith('[]')
            shown += '>' + wire(method_result[:-2] if inner else method_result) + ('[]' if inner else '')
        m_since = since(m_version)
        lines.append(' '.join(['F', wire_name, name, str(m_since), vmodl_name, shown, privilege or '-',
                               ','.join(wire(f) for f in faults or []) or '-', *[member(p, m_since) for p in params if vim25(p[2])]]))

lines = sorted(set(lines), key=lambda line: (line[0], line.split(' ')[1]))
target = pathlib.Path(__file__).resolve().parent.parent / 'mappings' / 'vim25' / 'types.data.json'
target.write_text(json.dumps({'source': 'pyVmomi ' + '.'.join(str(v) for v in pyVmomi.version_info),
                              'versions': version_ids, 'lines': lines}, indent=2, ensure_ascii=False) + '\n')
sys.stdout.write('%d lines, %d bytes\n' % (len(lines), target.stat().st_size))

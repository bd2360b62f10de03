/** Roles, privileges, licences, advanced settings and the host's clock: facts of this front, read only. */
import type { Call, Reply, Role } from '../../generic/call.ts';
import { fault } from '../../generic/faults.ts';
import type { Brokered } from '../../generic/platform.ts';
import { about } from '../about.ts';
import { FURNITURE as F, sameRef } from '../ids.ts';
import { methodNames, methodOf } from '../types.ts';
import { type MoRef, typed } from '../values.ts';
import { exists, furnish } from './registry.ts';
import { refuse, value } from './retrieve.ts';
import type { Scope } from './scope.ts';
import { invalidArgument, objectNotFound } from './select.ts';

// ---- roles and privileges ----

const READING = ['System.Anonymous', 'System.View', 'System.Read'];
/** What an operator of ours may do, in the privileges of the API. */
const OPERATING = /^(System|VirtualMachine|Datastore|Task|Global\.(CancelTask|LogEvent))\b/;

let privilegeNames: readonly string[] | undefined;
/** Every privilege that a method of the table asks for. */
const privileges = (): readonly string[] => {
  privilegeNames ??= [...new Set([...READING, ...methodNames().map((name) => methodOf(name)?.privilege ?? '')])]
    .filter((name) => name.includes('.'))
    .sort();
  return privilegeNames;
};

const privilegesOf = (role: Role): readonly string[] => {
  switch (role) {
    case 'administrator':
      return privileges();
    case 'operator':
      return privileges().filter((name) => OPERATING.test(name));
    case 'read-only':
      return READING;
    default:
      return role satisfies never;
  }
};

const role = (roleId: number, name: string, label: string, privilege: readonly string[], system = true) => ({
  _type: 'AuthorizationRole',
  roleId,
  system,
  name,
  info: { label, summary: label },
  privilege,
});

/** The roles every ESXi host has. */
const roleList = () => [
  role(
    -6,
    'NoCryptoAdmin',
    'No cryptography administrator',
    privileges().filter((name) => !name.startsWith('Cryptographer.')),
  ),
  role(-5, 'NoAccess', 'No access', []),
  role(-4, 'Anonymous', 'Anonymous', ['System.Anonymous']),
  role(-3, 'View', 'View', ['System.Anonymous', 'System.View']),
  role(-2, 'ReadOnly', 'Read-only', READING),
  role(-1, 'Admin', 'Administrator', privileges()),
];

const ROLE_ID: Readonly<Record<Role, number>> = { administrator: -1, operator: -1, 'read-only': -2 };

const grants = (scope: Scope, sessionKey: string): readonly string[] | undefined => {
  const { context } = scope;
  const session = context.sessions.list(context.front.name).find(({ key }) => key === sessionKey);
  return session && privilegesOf(session.role);
};

const asked = (call: Call): readonly string[] => (call.args['privId'] as readonly string[] | undefined) ?? [];

function hasPrivilegeOnEntity(scope: Scope, call: Call): Reply {
  const entity = call.args['entity'] as MoRef;
  if (!exists(scope, entity)) return refuse(objectNotFound(entity));
  const granted = grants(scope, String(call.args['sessionId']));
  return granted ? value(asked(call).map((name) => granted.includes(name))) : refuse(invalidArgument('sessionId'));
}

function hasPrivilegeOnEntities(scope: Scope, call: Call): Reply {
  const entities = (call.args['entity'] as readonly MoRef[] | undefined) ?? [];
  const gone = entities.find((entity) => !exists(scope, entity));
  if (gone) return refuse(objectNotFound(gone));
  const granted = grants(scope, String(call.args['sessionId']));
  if (!granted) return refuse(invalidArgument('sessionId'));
  return value(
    entities.map((entity) => ({
      entity,
      privAvailability: asked(call).map((privId) => ({ privId, isGranted: granted.includes(privId) })),
    })),
  );
}

function fetchUserPrivilegeOnEntities(scope: Scope, call: Call): Reply {
  const entities = (call.args['entities'] as readonly MoRef[] | undefined) ?? [];
  const gone = entities.find((entity) => !exists(scope, entity));
  if (gone) return refuse(objectNotFound(gone));
  const { session } = scope.context;
  // Other users' rights are known only while they are here.
  const user = String(call.args['userName']);
  const known =
    user === session.user
      ? session
      : scope.context.sessions.list(scope.context.front.name).find((each) => each.user === user);
  return value(entities.map((entity) => ({ entity, privileges: known ? privilegesOf(known.role) : [] })));
}

const permission = ({ context }: Scope) => ({
  entity: F.rootFolder,
  principal: context.session.user,
  group: false,
  roleId: ROLE_ID[context.session.role],
  propagate: true,
});

function retrieveEntityPermissions(scope: Scope, call: Call): Reply {
  const entity = call.args['entity'] as MoRef;
  if (!exists(scope, entity)) return refuse(objectNotFound(entity));
  return value(sameRef(entity, F.rootFolder) || call.args['inherited'] === true ? [permission(scope)] : []);
}

function retrieveAllPermissions(scope: Scope): Reply {
  return value([permission(scope)]);
}

function retrieveRolePermissions(scope: Scope, call: Call): Reply {
  const id = Number(call.args['roleId']);
  if (!roleList().some(({ roleId }) => roleId === id)) return refuse(fault('not-found', {}, ''));
  const own = permission(scope);
  return value(own.roleId === id ? [own] : []);
}

// ---- licences ----

const EVALUATION_KEY = '00000-00000-00000-00000-00000';
const products = (uuid: string) => [
  { key: 'ProductName', value: about(uuid).licenseProductName },
  { key: 'ProductVersion', value: about(uuid).licenseProductVersion },
];

const evaluationLicense = (uuid: string) => ({
  _type: 'LicenseManagerLicenseInfo',
  licenseKey: EVALUATION_KEY,
  editionKey: 'eval',
  name: 'Evaluation Mode',
  total: 0,
  used: 0,
  costUnit: '',
  properties: products(uuid),
});

function decodeLicense(scope: Scope, call: Call): Reply {
  const licenseKey = String(call.args['licenseKey'] ?? '');
  if (licenseKey === EVALUATION_KEY) return value(evaluationLicense(scope.context.front.uuid));
  return value({
    licenseKey,
    editionKey: 'unknown',
    name: 'Unknown license',
    total: 0,
    used: 0,
    costUnit: '',
    properties: [{ key: 'lc_operation', value: 'decode' }],
  });
}

// ---- options ----

type Setting = readonly [key: string, value: unknown];

const advanced = (scope: Scope): readonly Setting[] => [
  ['Annotations.WelcomeMessage', ''],
  ['Config.HostAgent.log.level', 'info'],
  ['Config.HostAgent.plugins.hostsvc.esxAdminsGroup', ''],
  ['Config.HostAgent.vmacore.soap.sessionTimeout', typed('long', 30)],
  ['UserVars.ESXiVPsDisabledProtocols', 'sslv3,tlsv1,tlsv1.1'],
  ['UserVars.SuppressShellWarning', typed('long', 0)],
  [
    'VMkernel.Boot.hyperthreading',
    (scope.context.store.generic('host', scope.host)?.cpuThreads ?? 0) >
      (scope.context.store.generic('host', scope.host)?.cpuCores ?? 0),
  ],
];

const settingsOf = (
  scope: Scope,
  ref: { readonly type: string; readonly value: string },
): readonly Setting[] | undefined => {
  if (sameRef(ref as MoRef, F.advancedOption)) return advanced(scope);
  return sameRef(ref as MoRef, F.setting) ? [] : undefined;
};

const optionValues = (settings: readonly Setting[]) =>
  settings.map(([key, each]) => ({ _type: 'OptionValue', key, value: each }));

/** A name, or a prefix that ends in a dot; neither: InvalidName. */
function* queryOptions(scope: Scope, call: Call): Brokered {
  yield { effect: 'render', ids: [scope.host] };
  const settings = settingsOf(scope, { type: call.target.type, value: call.target.id });
  if (!settings) return refuse(objectNotFound({ type: call.target.type, value: call.target.id }));
  const name = call.args['name'] as string | undefined;
  if (name === undefined || name === '') return value(optionValues(settings));
  const found = settings.filter(([key]) =>
    name.endsWith('.') ? key.startsWith(name) : key === name || key.startsWith(`${name}.`),
  );
  return found.length > 0 ? value(optionValues(found)) : refuse(fault('invalid-name', { name }, ''));
}

function queryDateTime(scope: Scope): Reply {
  return value(scope.context.now());
}

export const administration = {
  HasPrivilegeOnEntity: hasPrivilegeOnEntity,
  HasPrivilegeOnEntities: hasPrivilegeOnEntities,
  FetchUserPrivilegeOnEntities: fetchUserPrivilegeOnEntities,
  RetrieveEntityPermissions: retrieveEntityPermissions,
  RetrieveAllPermissions: retrieveAllPermissions,
  RetrieveRolePermissions: retrieveRolePermissions,
  DecodeLicense: decodeLicense,
  QueryOptions: queryOptions,
  QueryDateTime: queryDateTime,
};

const described = (key: string) => ({ _type: 'ElementDescription', label: key, summary: key, key });

export const furnishAdministration = (): void => {
  furnish('AuthorizationManager', (_scope, ref) =>
    sameRef(ref, F.authorizationManager)
      ? {
          values: {
            roleList,
            privilegeList: () =>
              privileges().map((privId) => {
                const dot = privId.lastIndexOf('.');
                return { privId, onParent: false, name: privId.slice(dot + 1), privGroupName: privId.slice(0, dot) };
              }),
            description: () => ({
              privilege: privileges().map(described),
              privilegeGroup: [...new Set(privileges().map((name) => name.slice(0, name.lastIndexOf('.'))))].map(
                described,
              ),
            }),
          },
        }
      : undefined,
  );
  furnish('LicenseManager', (scope, ref) =>
    sameRef(ref, F.licenseManager)
      ? {
          values: {
            source: () => ({ _type: 'EvaluationLicenseSource' }),
            sourceAvailable: () => true,
            licensedEdition: () => 'eval',
            licenses: () => [evaluationLicense(scope.context.front.uuid)],
            evaluation: () => ({ properties: products(scope.context.front.uuid) }),
          },
        }
      : undefined,
  );
  furnish('OptionManager', (scope, ref) => {
    const settings = settingsOf(scope, ref);
    return settings && { values: { setting: () => optionValues(settings) } };
  });
};

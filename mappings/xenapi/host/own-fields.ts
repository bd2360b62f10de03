/** Fields of a VM that the hub has and XenAPI has not: kept as texts under keys of ours in `other_config`, so that they survive on the host. */
import type { ScsiController, ScsiModel, Share, Vm } from '../../generic/model.ts';
import type { Kept } from './markup.ts';
import { OWN } from './names.ts';
import { mapGet } from './plain.ts';

export interface OwnFields {
  readonly instanceUuid: string | undefined;
  readonly osId: string;
  readonly bits: 32 | 64;
  readonly cpuHotAdd: boolean;
  readonly memoryHotAdd: boolean;
  readonly cpuShare: Share;
  readonly memoryShare: Share;
  readonly scsiControllers: readonly ScsiController[];
  readonly createdMs: number | undefined;
}

const SHARE = ['reservation', 'limit', 'shares'] as const;

/** `reservation=0 limit=2000`. */
const shareText = (share: Share): string =>
  SHARE.filter((field) => share[field] !== undefined)
    .map((field) => `${field}=${share[field]}`)
    .join(' ');

const parseShare = (text: string): Share => {
  const share: Share = {};
  for (const field of SHARE) {
    const found = new RegExp(`(?:^| )${field}=(-?[0-9.]+)(?: |$)`).exec(text)?.[1];
    if (found !== undefined && Number.isFinite(Number(found))) share[field] = Number(found);
  }
  return share;
};

const MODELS: readonly string[] = ['lsilogic', 'lsisas', 'pvscsi', 'buslogic', 'virtio-scsi'] satisfies ScsiModel[];

const controllersText = (controllers: readonly ScsiController[]): string =>
  controllers.map(({ ordinal, model }) => `${ordinal}=${model}`).join(' ');

const parseControllers = (text: string): ScsiController[] =>
  text.split(' ').flatMap((one) => {
    const [, ordinal = '', model = ''] = /^(\d)=([a-z-]+)$/.exec(one) ?? [];
    return MODELS.includes(model) ? [{ ordinal: Number(ordinal), model: model as ScsiModel }] : [];
  });

const flag = (value: boolean): string => (value ? 'true' : '');

type Written = Pick<
  Vm,
  'osId' | 'bits' | 'cpuHotAdd' | 'memoryHotAdd' | 'cpuShare' | 'memoryShare' | 'scsiControllers'
> & { instanceUuid?: string; createdMs?: number };

/** Keys of `other_config` with what stands there, '' nothing. */
export const ownTexts = (vm: Written): Readonly<Record<string, string>> => ({
  [`${OWN}instanceUuid`]: vm.instanceUuid ?? '',
  [`${OWN}os`]: vm.osId,
  [`${OWN}bits`]: vm.bits === 32 ? '32' : '',
  [`${OWN}cpuHotAdd`]: flag(vm.cpuHotAdd),
  [`${OWN}memoryHotAdd`]: flag(vm.memoryHotAdd),
  [`${OWN}cpuShare`]: shareText(vm.cpuShare),
  [`${OWN}memoryShare`]: shareText(vm.memoryShare),
  [`${OWN}scsi`]: controllersText(vm.scsiControllers),
  [`${OWN}created`]: vm.createdMs === undefined ? '' : String(vm.createdMs),
});

export const readOwnFields = (vm: Kept): OwnFields => {
  const other = vm.map('other_config');
  const text = (name: string): string => mapGet(other, OWN + name) ?? '';
  const created = text('created');
  const whose = text('uuid');
  return {
    // A copy that another tool made is another machine.
    instanceUuid: whose === '' || whose === vm.text('uuid') ? text('instanceUuid') || undefined : undefined,
    osId: text('os'),
    bits: text('bits') === '32' ? 32 : 64,
    cpuHotAdd: text('cpuHotAdd') === 'true',
    memoryHotAdd: text('memoryHotAdd') === 'true',
    cpuShare: parseShare(text('cpuShare')),
    memoryShare: parseShare(text('memoryShare')),
    scsiControllers: parseControllers(text('scsi')),
    createdMs: /^\d{1,15}$/.test(created) ? Number(created) : undefined,
  };
};

/** The scripts that Redis runs, each one step that nobody sees half of: keys and arguments in, a list that begins with a word out. */
import { createHash } from 'node:crypto';
import { LIMITS } from '../../../runtime/limits.ts';

export interface Script {
  readonly text: string;
  readonly sha: string;
}

const script = (text: string): Script => ({ text, sha: createHash('sha1').update(text).digest('hex') });

/*
 * A cell. `state` is a hash: token, owner (the writer that may write; empty: nobody), its server, address and beat, the head of the log: seq
 * and by, the writer of that entry; and through, the entry up to which `image` holds everything. `writers` has the first entry of each writer, so that who wrote any entry is known after the log is cut.
 * A writer is one claim of one server: a random name, as a token alone could be given twice by a Redis that lost the first time.
 */
export const cellKeys = (prefix: string, cell: string): string[] =>
  ['state', 'conflict', 'writers', 'log', 'image'].map((part) => `${prefix}:{${cell}}:${part}`);

const CELL = `
local STATE, CONFLICT, WRITERS, LOG, IMAGE, STAGED = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local conflict = redis.call('GET', CONFLICT)
if conflict then return {'conflict', conflict} end
local s = redis.call('HMGET', STATE, 'owner', 'beat', 'seq', 'by', 'server', 'address', 'token', 'through')
local owner, beat, seq, by = s[1] or '', s[2] or '0', tonumber(s[3] or '0'), s[4] or ''
local server, address, token = s[5] or '', s[6] or '', tonumber(s[7] or '0')
local through = tonumber(s[8] or '0')
local function place(n)
  redis.call('RENAME', STAGED, IMAGE)
  redis.call('PERSIST', IMAGE)
  redis.call('HSET', STATE, 'through', n)
end
`;

/** ARGV: writer, server, address, the mark under which the owner was seen doing nothing for the whole of its time. */
export const CLAIM = script(`${CELL}
local mark = owner .. ' ' .. beat
if owner ~= '' and ARGV[4] ~= mark then return {'elsewhere', server, address, mark} end
token = redis.call('HINCRBY', STATE, 'token', 1)
redis.call('HSET', STATE, 'owner', ARGV[1], 'server', ARGV[2], 'address', ARGV[3], 'beat', 0)
return {'held', token, seq, through, redis.call('ZRANGE', WRITERS, 0, -1, 'WITHSCORES')}
`);

/**
 * What a holder does: renew, append, snapshot, release. ARGV: writer, the entry known to last and its writer, the act, and for append and
 * snapshot the number of the entry; for append its data and kind, for snapshot the length of what is staged.
 */
export const HOLD = script(`${CELL}
local me, known, knownBy, act, n = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5] or '0')
local function has(entry, writer)
  if entry == 0 then return true end
  if entry > seq then return false end
  return redis.call('ZREVRANGEBYSCORE', WRITERS, entry, '-inf', 'LIMIT', 0, 1)[1] == writer
end
if not has(known, knownBy) then return {'differs', seq, by, owner} end
if owner ~= me then
  if owner == '' and (by == me or seq == known) then return {'differs', seq, by, owner} end
  return {'taken', server}
end
if act == 'append' then
  if seq == n - 1 then
    redis.call('XADD', LOG, n .. '-0', ARGV[7], ARGV[6])
    if by ~= me then
      redis.call('ZADD', WRITERS, n, me)
      redis.call('ZREMRANGEBYRANK', WRITERS, 0, -${LIMITS.redisWriters + 1})
    end
    redis.call('HSET', STATE, 'seq', ARGV[5], 'by', me)
  elseif seq ~= n or by ~= me then
    return {'differs', seq, by, owner}
  end
elseif act == 'snapshot' then
  if redis.call('STRLEN', STAGED) ~= tonumber(ARGV[6]) then return {'unstaged'} end
  -- A later one may be there: what was asserted again is a snapshot too.
  if n > through then
    place(n)
    redis.call('XTRIM', LOG, 'MINID', (n + 1) .. '-0')
  end
elseif act == 'release' then
  redis.call('HSET', STATE, 'owner', '')
end
redis.call('HINCRBY', STATE, 'beat', 1)
return {'ok'}
`);

/**
 * Puts a holder's truth in the place of an older part of it. ARGV: writer, server, address, its token, the head and owner it saw (seq, by,
 * owner), its own head (seq, by), the length of what is staged, then first entry and name of each writer.
 */
export const REASSERT = script(`${CELL}
if seq ~= tonumber(ARGV[5]) or by ~= ARGV[6] or owner ~= ARGV[7] then return {'moved'} end
if redis.call('STRLEN', STAGED) ~= tonumber(ARGV[10]) then return {'unstaged'} end
token = math.max(token, tonumber(ARGV[4])) + 1
redis.call('HSET', STATE, 'token', token, 'owner', ARGV[1], 'server', ARGV[2], 'address', ARGV[3], 'beat', 0, 'seq', ARGV[8], 'by', ARGV[9])
redis.call('DEL', LOG, WRITERS)
place(ARGV[8])
for i = 11, #ARGV, 2 do redis.call('ZADD', WRITERS, ARGV[i], ARGV[i + 1]) end
return {'held', token}
`);

/** A snapshot that is in its place becomes a cell that nobody holds. ARGV: token, name of the writer of its one entry. */
export const RESTORE = script(`
local STATE, WRITERS, IMAGE = KEYS[1], KEYS[3], KEYS[5]
if redis.call('EXISTS', STATE) == 1 then return {'there'} end
redis.call('PERSIST', IMAGE)
redis.call('HSET', STATE, 'token', ARGV[1], 'owner', '', 'beat', 0, 'seq', 1, 'by', ARGV[2], 'through', 1)
redis.call('ZADD', WRITERS, 1, ARGV[2])
return {'restored'}
`);

/** ARGV: text. The first text stays. */
export const CONFLICT = script(`
redis.call('SET', KEYS[2], ARGV[1], 'NX')
return {'conflict', redis.call('GET', KEYS[2])}
`);

/* Numbers. `next` is a hash: next and the run of the Redis that gave last; `blocks` has every block given: first number, and "from-to holder". */
export const numberKeys = (prefix: string): string[] => [`${prefix}:{numbers}:next`, `${prefix}:{numbers}:blocks`];

/** ARGV: size, holder. */
export const TAKE = script(`
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
local known = redis.call('HMGET', KEYS[1], 'next', 'run')
local from = tonumber(known[1] or '1')
if known[2] and known[2] ~= run then from = from + ${LIMITS.redisNumberGap} end
local first, last = string.format('%.0f', from), string.format('%.0f', from + tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'next', last, 'run', run)
redis.call('ZADD', KEYS[2], first, first .. '-' .. last .. ' ' .. ARGV[2])
return {'taken', first, last}
`);

/** ARGV: holder, then from and to of each of its blocks. Answers with the blocks of others that overlap: mine, theirs, mine, theirs. */
export const KEEP = script(`
local clashes = {'kept'}
for i = 2, #ARGV, 2 do
  local first, last = ARGV[i], ARGV[i + 1]
  local mine = first .. '-' .. last .. ' ' .. ARGV[1]
  if not redis.call('ZSCORE', KEYS[2], mine) then
    local below = redis.call('ZREVRANGEBYSCORE', KEYS[2], '(' .. last, '-inf', 'LIMIT', 0, 1)[1]
    if below and tonumber(string.match(below, '-(%d+) ')) > tonumber(first) then
      clashes[#clashes + 1] = mine
      clashes[#clashes + 1] = below
    else
      redis.call('ZADD', KEYS[2], first, mine)
      if tonumber(redis.call('HGET', KEYS[1], 'next') or '1') < tonumber(last) then redis.call('HSET', KEYS[1], 'next', last) end
    end
  end
end
return clashes
`);

/* Servers and secrets. `alive` has when each server was heard, by the clock of Redis, and its address. */
export const serverKeys = (prefix: string): string[] => [`${prefix}:{servers}:alive`, `${prefix}:{servers}:secrets`];

/** ARGV: milliseconds that a server counts as alive, server, address. Forgets who was not heard, or was in a time to come: that clock was set. */
export const BEAT = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[2], string.format('%.0f', now) .. ' ' .. ARGV[3])
local all, alive = redis.call('HGETALL', KEYS[1]), {'alive'}
for i = 1, #all, 2 do
  local at, address = string.match(all[i + 1], '^(%d+) (.*)$')
  if math.abs(now - tonumber(at)) > tonumber(ARGV[1]) then
    redis.call('HDEL', KEYS[1], all[i])
  else
    alive[#alive + 1] = all[i]
    alive[#alive + 1] = address
  end
end
return alive
`);

/** ARGV: server. */
export const LEAVE = script(`return {'left', redis.call('HDEL', KEYS[1], ARGV[1])}`);

/** ARGV: name, value. The first value stays. */
export const SECRET = script(`
redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2])
return {'secret', redis.call('HGET', KEYS[2], ARGV[1])}
`);

/* Texts that all servers go by: a hash, by name; '' has how often any of them was changed. */
export const textKeys = (prefix: string): string[] => [`${prefix}:{texts}:kept`];

export const TEXTS_VERSION = script(`return {'version', redis.call('HGET', KEYS[1], '') or '0'}`);

export const READ_TEXTS = script(`
local answer = {'texts', redis.call('HGET', KEYS[1], '') or '0'}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all do answer[i + 2] = all[i] end
return answer
`);

/** ARGV: the version that was read, name, text; no text: it goes. */
export const WRITE_TEXT = script(`
if (redis.call('HGET', KEYS[1], '') or '0') ~= ARGV[1] then return {'newer'} end
if ARGV[3] then redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) else redis.call('HDEL', KEYS[1], ARGV[2]) end
redis.call('HINCRBY', KEYS[1], '', 1)
return {'written'}
`);

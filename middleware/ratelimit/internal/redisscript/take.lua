-- Decides buckets at one instant, and charges all of them or none.
--
-- KEYS[i]       a bucket: the time of the last write in microseconds, and the
--               debt at that time in nanoseconds. Another value, or none, means
--               a full bucket.
-- ARGV[4i-3]    how many units to take
-- ARGV[4i-2]    how many it holds
-- ARGV[4i-1]    the nanoseconds in which one comes back
-- ARGV[4i]      0 Enforce, 1 Shadow, 2 Force
--
-- Returns for each bucket its debt, and 1 if it was short.

local tick = 1000 -- the resolution of TIME, in nanoseconds: that much is not missing
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local values = redis.call('MGET', unpack(KEYS))

local refused = false
local cost, rewrite, reply = {}, {}, {}
local debts = {}
for i = 1, #KEYS do
  local units, holds, unit, mode = tonumber(ARGV[4*i-3]), tonumber(ARGV[4*i-2]), tonumber(ARGV[4*i-1]), ARGV[4*i]
  local full, debt = holds * unit, 0
  local at, owed = string.match(values[i] or '', '^(%d+) ([%d.e+-]+)$')
  at, owed = tonumber(at), tonumber(owed)
  if at and owed then
    if at > now then -- the clock was set back: continue from here
      debt, rewrite[i] = owed, true
    else
      debt = math.max(0, owed - (now - at) * 1000)
    end
    debt = math.min(debt, 2 * full + tick)
  end
  local short = 0
  if mode == '2' then
    units = math.min(units, math.max(0, math.floor((2 * full + tick - debt) / unit)))
  elseif units > 0 and (units > holds or debt + units * unit > full + tick) then
    short = 1
    refused = refused or mode == '0'
  end
  debts[i], cost[i], reply[2*i] = debt, units * unit, short
end

for i = 1, #KEYS do
  local debt, write = debts[i], rewrite[i]
  if cost[i] ~= 0 and not refused and reply[2*i] == 0 then
    debt, write = math.max(0, debt + cost[i]), true
  end
  if write and debt > 0 then
    redis.call('SET', KEYS[i], string.format('%.0f %.17g', now, debt), 'PX', math.ceil(debt / 1000000))
  elseif write then
    redis.call('DEL', KEYS[i])
  end
  reply[2*i-1] = math.floor(debt + 0.5)
end
return reply

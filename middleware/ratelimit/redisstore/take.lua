-- Decides buckets at one instant, and charges all of them or none.
--
-- KEYS[i]       a bucket: the time it was last written, in microseconds, and
--               its debt at that time, in nanoseconds; it is full without
-- ARGV[4i-3]    how many units to take
-- ARGV[4i-2]    how many it holds
-- ARGV[4i-1]    the nanoseconds in which one comes back
-- ARGV[4i]      0 Enforce, 1 Shadow, 2 Force
--
-- Returns for each bucket its debt, and 1 if it was short.

local tick = 1000 -- the grain of TIME: so much is not missing
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

local buckets, refused = {}, false
for i, key in ipairs(KEYS) do
  local units, holds = tonumber(ARGV[4*i-3]), tonumber(ARGV[4*i-2])
  local unit, rule = tonumber(ARGV[4*i-1]), ARGV[4*i]
  local full, debt, heal = holds * unit, 0, false
  local value = redis.pcall('GET', key)
  if type(value) == 'table' then
    if not string.find(value.err, 'WRONGTYPE', 1, true) then return value end
    value = ''
  end
  if value then
    local at, then_ = string.match(value, '^(%d+) ([%d.e+-]+)$')
    at, then_ = tonumber(at), tonumber(then_)
    if not (at and then_) then
      debt, heal = full, true -- no limiter wrote that, so it vouches for nothing
    elseif at > now then
      debt, heal = then_, true -- the clock was set back: go on from here
    else
      debt = math.max(0, then_ - (now - at) * 1000)
    end
    debt = math.min(debt, 2 * full + tick)
  end
  local short = rule ~= '2' and units > 0 and (units > holds or debt + units * unit > full + tick)
  if rule == '2' and units > 0 then
    units = math.max(0, math.min(units, math.floor((2 * full + tick - debt) / unit)))
  end
  refused = refused or short and rule == '0'
  buckets[i] = {debt = debt, cost = units * unit, short = short, heal = heal}
end

local answer = {}
for i, b in ipairs(buckets) do
  local write = b.heal
  if b.cost ~= 0 and not refused and not b.short then
    b.debt, write = math.max(0, b.debt + b.cost), true
  end
  if write and b.debt > 0 then
    redis.call('SET', KEYS[i], string.format('%.0f %.17g', now, b.debt), 'PX', math.ceil(b.debt / 1000000))
  elseif write then
    redis.call('DEL', KEYS[i])
  end
  answer[2*i-1] = math.floor(b.debt + 0.5)
  answer[2*i] = b.short and 1 or 0
end
return answer

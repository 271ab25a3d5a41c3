-- Records views of one site: everything about a view or nothing of it, and each view once.
--
-- KEYS[1] is the site's settings. All other keys begin with it, so they are in its hash slot;
-- docs/storage.md describes them. ARGV[1] is JSON, an object with
--   now         seconds since 1970
--   seconds     how long to remember nonces, a day's visitors, and who is here now
--   most        for each kind of item, how many rows a day and a month (or all time) may have
--   limits      how many views a client and the site may send per minute; 0 is no limit
--   source      where the views are imported from, such as "log"; none if they are not
--   periods     the month, day, UTC day and hour of each quarter of an hour that views are in, and
--               when the rows of the day and the hours expire
--   views       as libs/page_views/recording.py makes them; not thousands, which unpack refuses
-- Returns false if there is no such site. Otherwise returns two lists: what became of each view,
-- "counted" or the reason why it was dropped; and a sentence for each part that was not stored.

local site = KEYS[1]
local prefix = site .. ':'
local input = cjson.decode(ARGV[1])
local seconds = input.seconds
local OTHER = '(other)'
local EXACT = 128 -- from so many visitors on, a row estimates them with a HyperLogLog

if redis.call('HEXISTS', site, 'name') == 0 then return false end

-- While a cluster moves the site key by key, Redis lets no script use a key that is not there. So
-- this is refused, which must be before the first write.
if type(redis.pcall('GET', prefix .. 'nothing')) == 'table' then
  return redis.error_reply('TRYAGAIN the site is moved to another node')
end

-- Redis refuses the first write if it refuses any, or if the total is not a number. Then nothing is
-- stored. It writes even if all views are repeated: WAIT waits for it, and so for the earlier call.
redis.call('HINCRBY', prefix .. 'all', 'views', #input.views)

-- From here on, an error is about a key that somebody else has written. The rest is stored.
local problems = {}
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  problems[#problems + 1] = answer.err
  return 0
end

-- Which views are new, and which of these exceed a limit?

local rate = prefix .. 'rate:' .. math.floor(input.now / 60)
local function within(limit, name)
  if limit == 0 then return true end
  local used = try('INCR', name)
  if used == 1 then redis.call('EXPIRE', name, 60) end
  return used <= limit
end

-- Return which nonces of imported views are known, and remember all. They are in one set per hour,
-- which libs/page_views/imported_hours.py deletes.
local function remember_imported()
  local nonces, known = {}, {}
  for _, view in ipairs(input.views) do
    local hour = prefix .. 'imported:' .. input.source .. ':' .. math.floor(view.time / 3600)
    nonces[hour] = nonces[hour] or {}
    table.insert(nonces[hour], view.nonce)
  end
  for hour, of_hour in pairs(nonces) do
    local found = try('SMISMEMBER', hour, unpack(of_hour))
    for i, nonce in ipairs(of_hour) do known[nonce] = found == 0 or found[i] == 1 end
    try('SADD', hour, unpack(of_hour))
    redis.call('EXPIRE', hour, seconds.nonce)
  end
  return known
end

local known = input.source and remember_imported()

-- Return what became of the view before; if it is new, remember what becomes of it now.
local function remember(view, outcome)
  if known then
    if known[view.nonce] then return 'repeated' end
    known[view.nonce] = true
    return nil
  end
  local nonce = prefix .. 'nonce:' .. view.nonce
  return redis.call('SET', nonce, outcome, 'NX', 'GET', 'EX', seconds.nonce)
end

local outcomes, counted, dropped = {}, {}, {}
for i, view in ipairs(input.views) do
  local outcome = view.dropped or 'counted'
  local earlier = remember(view, outcome)
  if not earlier and not view.dropped and view.client then
    local free = within(input.limits.client, rate .. ':' .. view.client)
      and within(input.limits.site, rate)
    if not free then
      outcome = 'rate_limit'
      view.dropped = outcome
      redis.call('SET', prefix .. 'nonce:' .. view.nonce, outcome, 'EX', seconds.nonce)
    end
  end
  outcomes[i] = earlier or outcome
  if not earlier then
    local list = view.dropped and dropped or counted
    list[#list + 1] = view
  end
end
if #counted < #input.views then
  redis.call('HINCRBY', prefix .. 'all', 'views', #counted - #input.views)
end

-- Add up how often each row of a table occurs, and who views it; then write each row once.

local tables = {} -- tables[kind][period]
local function add(kind, period, item, visitor, most_rows, expires)
  local of_kind = tables[kind]
  if not of_kind then
    of_kind = {}
    tables[kind] = of_kind
  end
  local t = of_kind[period]
  if not t then
    t = {
      key = prefix .. period .. ':' .. kind,
      unique = prefix .. period .. ':unique:' .. kind .. ':', -- and a row: where its visitors are
      most_rows = most_rows,
      expires = expires,
      items = {}, -- in the order in which they came
      counts = {}, -- how many of the views have each item
      visitors = {}, -- the visitors of each item, where they are told apart
      row = {}, -- which row counts the item
      known = {}, -- how many visitors each row has, where they are told apart
      found = {}, -- how many of them are new
    }
    of_kind[period] = t
  end
  local count = t.counts[item]
  if not count then t.items[#t.items + 1] = item end
  t.counts[item] = (count or 0) + 1
  if visitor then
    local visitors = t.visitors[item]
    if visitors then
      visitors[#visitors + 1] = visitor
    else
      t.visitors[item] = {visitor}
    end
  end
  return t
end

local function add_item(period, kind, item, visitor)
  local most = input.most[kind]
  local day = add(kind, period.day, item, visitor, most.day, period.expires)
  day.month = add(kind, period.month, item, nil, most.month)
  if kind ~= 'pairs' then day.all = add(kind, 'all', item, nil, most.month) end
end

-- The tables of a day that is no longer kept must live while views of it may be added.
for _, period in pairs(input.periods) do
  period.expires = math.max(period.expires, input.now + seconds.visitors)
end
for _, view in ipairs(dropped) do
  local period = input.periods[view.quarter]
  add('drops', 'all', view.dropped)
  add('drops', period.month, view.dropped)
  add('drops', period.day, view.dropped, nil, nil, period.expires)
end
for _, view in ipairs(counted) do
  local period, visitor = input.periods[view.quarter], view.visitor
  add('months', 'all', period.month)
  add('days', period.month, period.day, visitor)
  add('hours', period.utc_day, period.hour, visitor, nil, period.expires)
  add_item(period, 'pages', view.path, visitor)
  if view.campaign then add_item(period, 'campaigns', view.campaign, visitor) end
  if view.referrer then
    add_item(period, 'referrers', view.referrer, visitor)
    add_item(period, 'pairs', view.path .. ' ' .. view.referrer, visitor)
  end
end

-- Return the row that counts the item: OTHER if the table is full.
local function increase(t, item, count)
  if t.full and redis.call('HEXISTS', t.key, item) == 0 then item = OTHER end
  if try('HINCRBY', t.key, item, count) ~= count then return item end
  local rows = redis.call('HLEN', t.key)
  if t.most_rows and rows > t.most_rows and item ~= OTHER then
    redis.call('HDEL', t.key, item)
    t.full = true
    return increase(t, OTHER, count)
  end
  if t.expires and rows == 1 then redis.call('EXPIREAT', t.key, t.expires) end
  return item
end

for _, of_kind in pairs(tables) do
  for _, t in pairs(of_kind) do
    for _, item in ipairs(t.items) do t.row[item] = increase(t, item, t.counts[item]) end
  end
end

-- Count visitors. A day's visitors of a row are a set at first, and a HyperLogLog from EXACT on.

-- Return how many more visitors the row has with these.
local function new_visitors(t, row, visitors)
  local unique = t.unique .. row
  local before = t.known[row] or tonumber(try('HGET', t.key .. ':visitors', row)) or 0
  local found
  if before < EXACT then
    found = try('SADD', unique, unpack(visitors))
  else
    found = try('PFADD', unique, unpack(visitors))
  end
  if found == 0 then return 0 end
  if before >= EXACT then
    found = math.max(0, redis.call('PFCOUNT', unique) - before)
  elseif before + found >= EXACT then
    local members = redis.call('SMEMBERS', unique)
    redis.call('DEL', unique)
    redis.call('PFADD', unique, unpack(members))
  end
  redis.call('EXPIRE', unique, seconds.visitors, 'NX')
  t.known[row] = before + found
  return found
end

-- The month and all time have as many more visitors as the day.
local function find(t, item, found)
  local row = t.row[item]
  t.found[row] = (t.found[row] or 0) + found
end

for _, of_kind in pairs(tables) do
  for _, t in pairs(of_kind) do
    for _, item in ipairs(t.items) do
      local visitors = t.visitors[item]
      local found = visitors and new_visitors(t, t.row[item], visitors) or 0
      if found > 0 then
        find(t, item, found)
        if t.month then find(t.month, item, found) end
        if t.all then find(t.all, item, found) end
      end
    end
  end
end
for month, t in pairs(tables.days or {}) do
  for _, found in pairs(t.found) do
    find(tables.months.all, month, found)
    try('HINCRBY', prefix .. 'all', 'visitors', found)
  end
end

for _, of_kind in pairs(tables) do
  for _, t in pairs(of_kind) do
    for row, found in pairs(t.found) do
      if try('HINCRBY', t.key .. ':visitors', row, found) == found and t.expires then
        redis.call('EXPIREAT', t.key .. ':visitors', t.expires)
      end
    end
  end
end

-- Keep who was here in the last minutes.

local now = prefix .. 'now'
local recent = input.now - seconds.now
local minutes = {}
for _, view in ipairs(counted) do
  if view.time > recent then
    local minute = math.floor(view.time / 60)
    minutes[minute] = (minutes[minute] or 0) + 1
    if view.visitor then
      -- Since midnight a visitor has another name.
      if view.earlier then try('ZREM', now, view.earlier) end
      if try('ZADD', now, view.time, view.visitor) == 1 then
        redis.call('ZREMRANGEBYRANK', now, 0, -input.most.now - 1)
      end
    end
  end
end
for minute, count in pairs(minutes) do
  local views = now .. ':' .. minute
  if try('INCRBY', views, count) == count then redis.call('EXPIRE', views, seconds.now + 60) end
end
if next(minutes) then
  try('ZREMRANGEBYSCORE', now, '-inf', recent)
  redis.call('EXPIRE', now, seconds.now)
end

return {outcomes, problems}

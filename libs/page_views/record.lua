-- Records views of one site: everything about a view or nothing of it, and each view once.
--
-- KEYS[1] is the site's settings. All other keys begin with it, so they are in its hash slot;
-- docs/storage.md describes them. ARGV[1] is JSON, an object with
--   now         seconds since 1970
--   seconds     how long to remember nonces, a day's visitors, and who is here now
--   most        for each kind of item, how many rows a day and a month (or all time) may have
--   limits      how many views a client and the site may send per minute; 0 is no limit
--   views       as libs/page_views/recording.py makes them
-- Returns false if there is no such site. Otherwise returns what became of each view, "counted" or
-- the reason why it was dropped, and after these a sentence for each part that was not stored.

local site = KEYS[1]
local input = cjson.decode(ARGV[1])
local seconds = input.seconds
local OTHER = '(other)'
local EXACT = 128 -- so many visitors are a set; Redis keeps one of this size compact

if redis.call('EXISTS', site) == 0 then return false end

local function key(...) return table.concat({site, ...}, ':') end

-- Which views are new, and which of these exceed a limit?

local this_minute = math.floor(input.now / 60)
local used = {} -- how much of each limit is used
local function within(name, limit)
  if limit == 0 then return true end
  used[name] = (used[name] or tonumber(redis.call('GET', name) or 0)) + 1
  return used[name] <= limit
end

local outcomes, new, by_nonce = {}, {}, {}
local counted = 0
for i, view in ipairs(input.views) do
  local nonce = key('nonce', view.nonce)
  local outcome = by_nonce[nonce] or redis.call('GET', nonce)
  if not outcome then
    outcome = view.dropped
    if not outcome and view.client then
      local free = within(key('rate', this_minute, view.client), input.limits.client)
      free = within(key('rate', this_minute), input.limits.site) and free
      if not free then outcome = 'rate_limit' end
    end
    outcome = outcome or 'counted'
    by_nonce[nonce] = outcome
    new[#new + 1] = view
    if outcome == 'counted' then counted = counted + 1 else view.dropped = outcome end
  end
  outcomes[i] = outcome
end

-- If Redis refuses writes, or the total is not a number, it says so here, and nothing is stored.
-- Later errors concern a part that somebody else has written; they are reported, not raised.
if counted > 0 then redis.call('HINCRBY', key('all'), 'views', counted) end
for nonce, outcome in pairs(by_nonce) do
  redis.call('SET', nonce, outcome, 'EX', seconds.nonce)
end

local function write(...)
  local answer = redis.pcall(...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  outcomes[#outcomes + 1] = answer.err
  return 0
end

for name, count in pairs(used) do write('SET', name, count, 'EX', 60) end

-- Add up how often each row of a table occurs, then write each row once.

local tables = {} -- tables[kind][period]
local function add(kind, period, item, most_rows, expires)
  local of_kind = tables[kind]
  if not of_kind then
    of_kind = {}
    tables[kind] = of_kind
  end
  local t = of_kind[period]
  if not t then
    t = {
      key = key(period, kind),
      unique = key(period, 'unique', kind, ''), -- what the keys of its rows' visitors begin with
      most_rows = most_rows,
      expires = expires,
      counts = {}, -- how many of the views have each item
      row = {}, -- which row counts the item
      known = {}, -- how many visitors each row has, where they are told apart
      visitors = {}, -- how many of them are new
    }
    of_kind[period] = t
  end
  t.counts[item] = (t.counts[item] or 0) + 1
end

local function add_item(view, kind, item)
  local most = input.most[kind]
  if kind ~= 'pairs' then add(kind, 'all', item, most.month) end
  add(kind, view.month, item, most.month)
  add(kind, view.day, item, most.day, view.expires)
end

for _, view in ipairs(new) do
  if view.dropped then
    add('drops', 'all', view.dropped)
    add('drops', view.month, view.dropped)
    add('drops', view.day, view.dropped, nil, view.expires)
  else
    add('months', 'all', view.month)
    add('days', view.month, view.day)
    add('hours', view.utc_day, view.hour, nil, view.expires)
    add_item(view, 'pages', view.path)
    if view.campaign then add_item(view, 'campaigns', view.campaign) end
    if view.referrer then
      view.pair = view.path .. ' ' .. view.referrer
      add_item(view, 'referrers', view.referrer)
      add_item(view, 'pairs', view.pair)
    end
  end
end

-- Return the row that counts the item: OTHER if the table is full.
local function increase(t, item, count)
  if write('HINCRBY', t.key, item, count) ~= count then return item end
  local rows = redis.call('HLEN', t.key)
  if t.most_rows and rows > t.most_rows and item ~= OTHER then
    redis.call('HDEL', t.key, item)
    return increase(t, OTHER, count)
  end
  if t.expires and rows == 1 then redis.call('EXPIREAT', t.key, t.expires) end
  return item
end

for _, of_kind in pairs(tables) do
  for _, t in pairs(of_kind) do
    for item, count in pairs(t.counts) do t.row[item] = increase(t, item, count) end
  end
end

-- Count visitors. A day's visitors of a row are a set at first, and a HyperLogLog from EXACT on.

-- Return how many more visitors the row has with this one: 0 or 1, of a HyperLogLog sometimes more.
local function new_visitors(t, row, visitor)
  local unique = t.unique .. row
  local before = t.known[row] or tonumber(redis.call('HGET', t.key .. ':visitors', row) or 0)
  local found
  if before < EXACT then
    found = write('SADD', unique, visitor)
    if found == 1 and before + 1 == EXACT then
      local visitors = redis.call('SMEMBERS', unique)
      redis.call('DEL', unique)
      redis.call('PFADD', unique, unpack(visitors))
    end
    if found == 1 and (before == 0 or before + 1 == EXACT) then
      redis.call('EXPIRE', unique, seconds.visitors)
    end
  else
    found = write('PFADD', unique, visitor)
    if found == 1 then found = math.max(0, redis.call('PFCOUNT', unique) - before) end
  end
  t.known[row] = before + found
  return found
end

-- Count the visitor of an item in the table of a period, and in those of the month and all time.
local function visit(visitor, kind, item, period, month)
  local of_kind = tables[kind]
  local t = of_kind[period]
  local found = new_visitors(t, t.row[item], visitor)
  if found == 0 then return end
  for _, name in ipairs({period, month, 'all'}) do
    t = of_kind[name]
    if t then t.visitors[t.row[item]] = (t.visitors[t.row[item]] or 0) + found end
  end
end

for _, view in ipairs(new) do
  local visitor = view.visitor
  if visitor and not view.dropped then
    visit(visitor, 'days', view.day, view.month)
    visit(visitor, 'hours', view.hour, view.utc_day)
    visit(visitor, 'pages', view.path, view.day, view.month)
    if view.campaign then visit(visitor, 'campaigns', view.campaign, view.day, view.month) end
    if view.referrer then
      visit(visitor, 'referrers', view.referrer, view.day, view.month)
      visit(visitor, 'pairs', view.pair, view.day, view.month)
    end
  end
end

-- A month's and all visitors are the sums of their days' visitors.
for month, t in pairs(tables.days or {}) do
  for _, found in pairs(t.visitors) do
    write('HINCRBY', key('all', 'months', 'visitors'), month, found)
    write('HINCRBY', key('all'), 'visitors', found)
  end
end

for _, of_kind in pairs(tables) do
  for _, t in pairs(of_kind) do
    for row, count in pairs(t.visitors) do
      if write('HINCRBY', t.key .. ':visitors', row, count) == count and t.expires then
        redis.call('EXPIREAT', t.key .. ':visitors', t.expires)
      end
    end
  end
end

-- Keep who was here in the last minutes.

local now = key('now')
local recent = input.now - seconds.now
local minutes = {}
for _, view in ipairs(new) do
  if not view.dropped and view.time > recent then
    local minute = math.floor(view.time / 60)
    minutes[minute] = (minutes[minute] or 0) + 1
    if view.visitor then
      -- Just after midnight a visitor has a new name; keep the one under which they were seen.
      local earlier = view.earlier and redis.call('ZSCORE', now, view.earlier) and view.earlier
      write('ZADD', now, view.time, earlier or view.visitor)
    end
  end
end
for minute, count in pairs(minutes) do
  write('INCRBY', key('now', minute), count)
  redis.call('EXPIRE', key('now', minute), seconds.now + 60)
end
redis.call('ZREMRANGEBYSCORE', now, '-inf', recent)
redis.call('ZREMRANGEBYRANK', now, 0, -input.most.now - 1)
redis.call('EXPIRE', now, seconds.now)

return outcomes

-- Changes what an import added to the tables of one site: everything or nothing of one day.
--
-- KEYS[1] is the site's settings; all other keys begin with it, so they are in its hash slot.
-- ARGV[1] is JSON, an object with
--   table, day  the table that remembers what the import added, and the row of the day
--   before      what is remembered, or false for nothing
--   after       what to remember
--   changes     for each table: its key, how many rows it may have (most), when it expires, and its
--               rows: each a name, and by how much more views and visitors it has, or less
-- Returns false if there is no such site or if something else is remembered. Otherwise returns a
-- sentence for each part that was not stored.

local prefix = KEYS[1] .. ':'
local input = cjson.decode(ARGV[1])
local OTHER = '(other)'

if redis.call('HEXISTS', KEYS[1], 'name') == 0 then return false end
if type(redis.pcall('GET', prefix .. 'nothing')) == 'table' then -- as in record.lua
  return redis.error_reply('TRYAGAIN the site is moved to another node')
end
local remembered = prefix .. input.table
if redis.call('HGET', remembered, input.day) ~= input.before then return false end

-- Redis refuses this write if it refuses any.
redis.call('HSET', remembered, input.day, input.after)
redis.call('INCRBY', prefix .. 'corrections', 1) -- the totals may stay the same

local problems = {}
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  problems[#problems + 1] = answer.err
  return 0
end

-- Return the row that counts an item: OTHER if it has none, and the table is full.
local function row_of(t, item)
  if not t.most or try('HEXISTS', t.key, item) == 1 then return item end
  return try('HLEN', t.key) < t.most and item or OTHER
end

-- Take as much from a row as it has, and the rest from OTHER, which counts the items without a row.
local function subtract(key, row, count)
  local has = tonumber(try('HGET', key, row)) or 0
  if count < has then
    try('HINCRBY', key, row, -count)
  else
    try('HDEL', key, row)
    if count > has and row ~= OTHER then subtract(key, OTHER, count - has) end
  end
end

local function change(t, key, row, count)
  if count < 0 then
    subtract(key, row, -count)
  elseif count > 0 then
    try('HINCRBY', key, row, count)
    if t.expires then redis.call('EXPIREAT', key, t.expires, 'NX') end
  end
end

for _, t in ipairs(input.changes) do
  t.key = prefix .. t.key
  for _, each in ipairs(t.rows) do
    local item, views, visitors = unpack(each)
    local row = row_of(t, item)
    change(t, t.key, row, views)
    change(t, t.key .. ':visitors', row, visitors)
  end
end

return problems

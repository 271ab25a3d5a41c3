-- Lets wrk send views of a site: wrk --script post_views.lua URL -- SITE VIEWS PAUSE
-- VIEWS is how many one request sends; each view is of one of 1,000 pages. PAUSE is how many
-- milliseconds a connection waits between an answer and the next request, on average.

local site, views, pause

function init(arguments)
  site, views, pause = arguments[1], tonumber(arguments[2]), tonumber(arguments[3])
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
end

local function view()
  return string.format('{"site": "%s", "path": "/pages/%d"}', site, math.random(1000))
end

function request()
  if views == 1 then return wrk.format(nil, nil, nil, view()) end
  local all = {}
  for i = 1, views do all[i] = view() end
  return wrk.format(nil, nil, nil, '{"views": [' .. table.concat(all, ", ") .. "]}")
end

function delay() return math.random(0, 2 * pause) end

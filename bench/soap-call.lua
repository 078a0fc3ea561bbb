-- What wrk sends, from the environment, and the figures it prints, as one line of JSON.
wrk.method = "POST"
wrk.body = os.getenv("BENCH_BODY")
for name, value in string.gmatch(os.getenv("BENCH_HEADERS"), "([^:\n]+): ([^\n]+)") do
  wrk.headers[name] = value
end

-- Milliseconds that a connection waits before each call; wrk does not count them as the call's.
local pause = tonumber(os.getenv("BENCH_PAUSE_MS"))
if pause > 0 then
  function delay() return pause end
end

function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '\n{"calls": %d, "failed": %d, "bytes": %d, "us": %d, "p50Us": %d, "p99Us": %d, "maxUs": %d}\n',
    summary.requests, failed, summary.bytes, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max))
end

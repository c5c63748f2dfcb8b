# frozen_string_literal: true

# What the live tests ask a Rack application for, with Rack::Lint around all that is meant to be right.
require "digest"
require "json"
require "rack"
require "uri"

TEXT = { "content-type" => "text/plain" }.freeze
LOADED = Process.clock_gettime(Process::CLOCK_MONOTONIC)

def shown(value)
  case value
  when String then value.dup.force_encoding("ISO-8859-1").encode("UTF-8")
  when Array then value.map { |one| shown(one) }
  when true, false, nil, Integer then value
  else "object"
  end
end

def text(*pieces)
  [200, TEXT.dup, pieces]
end

class Pieces
  def initialize(pieces, &closing)
    @pieces = pieces
    @closing = closing
  end

  def each(&block)
    @pieces.each(&block)
  end

  def close
    @closing&.call
  end
end

class Named < Pieces
  def to_path
    __FILE__
  end
end

class Endless
  def each
    loop do
      yield "tick\n"
      sleep 0.01
    end
  end

  def close
    warn "stopped"
  end
end

def digest(env)
  md5 = Digest::MD5.new
  while (piece = env["rack.input"].read(8000))
    md5 << piece
  end
  md5.hexdigest
end

PAGES = {
  "/env" => lambda do |env|
    seen = JSON.generate(env.transform_values { |value| shown(value) })
    [200, { "content-type" => "application/json", "content-length" => seen.bytesize.to_s }, [seen]]
  end,
  "/hello" => ->(_) { text("hello\n") },
  "/pid" => ->(_) { text(Process.pid.to_s) },
  "/state" => ->(_) { text("#{$answered = $answered.to_i + 1} #{LOADED}") },
  "/digest" => ->(env) { text(digest(env)) },
  "/lines" => ->(env) { text(*env["rack.input"].each.map(&:inspect)) },
  "/pieces" => ->(_) { [200, TEXT.dup, Pieces.new(["one ", "", "two ", "three"])] },
  "/sized" => ->(_) { [200, TEXT.merge("content-length" => "5"), Pieces.new(["sized"])] },
  "/empty" => ->(_) { [204, {}, []] },
  "/none" => ->(_) { [200, TEXT.dup, []] },
  "/missing" => ->(_) { [404, TEXT.dup, ["not here"]] },
  "/odd" => ->(_) { [299, TEXT.dup, ["odd"]] },
  "/elsewhere" => ->(_) { [302, { "content-type" => "text/plain", "location" => "/hello" }, []] },
  "/large" => ->(_) { text("0123456789" * 100_000) },
  "/wide" => ->(_) { text("caf\u00e9") },
  "/closed" => ->(_) { [200, TEXT.dup, Pieces.new(["closing"]) { warn "the body was closed" }] },
  "/errors" => ->(env) { env["rack.errors"].puts("told the errors") || text("told") },
  "/later" => lambda do |env|
    file = env["QUERY_STRING"]
    wait = file.empty? ? -> { sleep 1 } : -> { sleep 0.01 until File.exist?(file) }
    [200, TEXT.dup, Pieces.new(["soon"]) { wait.call; warn "cleaned up" }]
  end,
  "/api" => lambda do |_|
    UWSGI.set_logvar("taste", "sweet")
    text([UWSGI.worker_id, UWSGI.request_id, UWSGI.get_logvar("taste"), UWSGI::NUMPROC, UWSGI::OPT["master"],
          (UWSGI.cache_get("x") rescue $!.class)].join("|"))
  end,
  "/endless" => ->(_) { [200, TEXT.dup, Endless.new] },
  "/sleep" => ->(_) { $stderr.syswrite("asleep\n"); sleep 60 }
}.freeze

# What was right before Rack 3.
OLD = {
  "/rewind" => ->(env) { text(env["rack.input"].read(5).to_s, "|", [env["rack.input"].rewind, digest(env)].last) },
  "/headers" => lambda do |_|
    [200, { "Content-Type" => "text/plain", "X-One" => "1", "Set-Cookie" => "a=1\nb=2" }, ["ok"]]
  end
}.freeze

# What breaks the rules, or worse.
WRONG = {
  "/die" => ->(_) { raise "an apple fell" },
  "/die-late" => ->(_) { [200, TEXT.dup, Enumerator.new { |y| y << "begun\n"; raise "an apple fell late" }] },
  "/nothing" => ->(_) { nil },
  "/two" => ->(_) { [200, {}] },
  "/bad-status" => ->(_) { ["none", {}, []] },
  "/bad-body" => ->(_) { [200, {}, 5] },
  "/nul" => ->(_) { [200, { "X" => "a\0b" }, []] },
  "/split" => ->(_) { [200, { "X" => "a\rY: b" }, []] },
  "/path" => ->(_) { [200, TEXT.dup, Named.new([File.read(__FILE__)])] },
  "/call" => ->(_) { [200, TEXT.dup, proc { |stream| 3.times { |n| stream << "part #{n}\n" }; stream.close }] },
  "/hijack" => lambda do |env|
    io = env["rack.hijack"].call
    io.write("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhijacked #{io.class}")
    io.close
    [-1, {}, []]
  end,
  "/hijack-later" => lambda do |env|
    io = env["rack.hijack"].call
    Thread.new do
      io.write("got #{io.readpartial(100)}")
      io.close
    end
    [-1, {}, []]
  end,
  "/partial" => lambda do |_|
    [200, TEXT.merge("rack.hijack" => proc { |io| io.write("partly"); io.flush; io.close }), []]
  end,
  "/crash" => ->(_) { Process.kill(:SEGV, Process.pid); sleep 5 },
  "/exit" => ->(_) { exit!(7) },
  "/leave" => ->(_) { exit(3) },
  "/fork" => ->(_) { (pid = fork) ? (Process.wait(pid); text("parent")) : text("child") },
  "/held" => lambda do |_|
    pid = fork { sleep 60; exit!(0) }
    $stderr.syswrite("held by #{pid}\n")
    Process.kill(:KILL, Process.pid)
    sleep 60
  end,
  "/size" => ->(env) { text("x" * env["QUERY_STRING"].to_i) },
  "/junk" => ->(_) { UWSGI.wire.instance_variable_get(:@answers).write("this is junk"); sleep 60 },
  "/close" => ->(_) { UWSGI.wire.io.shutdown; sleep 60 },
  "/deaf" => lambda do |_|
    %w[TERM INT HUP USR1].each { |name| trap(name) { nil } }
    $stderr.syswrite("deaf\n")
    loop { begin; sleep 1; rescue Exception; nil; end }
  end,
  "/eat" => ->(_) { $eaten = "x" * (200 << 20); sleep 60 }
}.freeze

BARE = Rack.release.to_i < 3 ? WRONG : WRONG.merge(OLD)
RIGHT = PAGES.merge(OLD)
ALL = ->(env) { RIGHT.fetch(env["PATH_INFO"], ->(_) { [404, TEXT.dup, ["?"]] }).call(env) }
LINT = Rack::Lint.new(ALL)

run ->(env) { (BARE[env["PATH_INFO"]] || LINT).call(env) }

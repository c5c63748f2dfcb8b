# frozen_string_literal: true

# What Rack 3 allows that Rack 2 did not, under its own Rack::Lint.
require "digest"
require "json"
require "rack"
require "rack/lint"

TEXT = { "content-type" => "text/plain" }.freeze

def text(*pieces)
  [200, TEXT.dup, pieces]
end

class Named
  def initialize(path)
    @path = path
  end

  def to_path
    @path
  end

  def each
    yield File.binread(@path)
  end
end

PAGES = {
  "/env" => lambda do |env|
    seen = env.transform_values { |value| value.is_a?(String) ? value : value.class.name }
    [200, { "content-type" => "application/json" }, [JSON.generate(seen)]]
  end,
  "/release" => ->(_) { text(Rack.release) },
  "/digest" => ->(env) { text(Digest::MD5.hexdigest(env["rack.input"].read.to_s)) },
  "/input" => ->(env) { text(env["rack.input"].nil? ? "none" : env["rack.input"].gets.inspect) },
  "/headers" => ->(_) { [200, TEXT.merge("set-cookie" => %w[a=1 b=2], "x-one" => "1"), ["ok"]] },
  "/file" => ->(_) { [200, TEXT.dup, Named.new(__FILE__)] },
  "/each" => ->(_) { [200, TEXT.dup, Enumerator.new { |pieces| 3.times { |n| pieces << "part #{n}\n" } }] },
  "/call" => lambda do |_|
    [200, TEXT.dup, lambda do |stream|
      3.times { |n| stream.write("part #{n}\n") }
      stream.close
    end]
  end,
  "/echo" => lambda do |_|
    [200, TEXT.dup, lambda do |stream|
      stream << "heard " << stream.read.to_s
      stream.flush
      stream.close
    end]
  end,
  "/finished" => lambda do |env|
    env["rack.response_finished"] << lambda do |_, status, headers, error|
      warn "finished #{status} #{headers["content-type"]} #{error.inspect}"
    end
    text("finishing")
  end,
  "/partial" => ->(_) { [200, TEXT.merge("rack.hijack" => proc { |io| io.write("partly"); io.flush; io.close }), []] },
  "/hijack" => lambda do |env|
    io = env["rack.hijack"].call
    io.write("HTTP/1.1 200 OK\r\n\r\nhijacked")
    io.close
    [200, {}, []]
  end,
  "/empty" => ->(_) { [204, {}, []] }
}.freeze

use Rack::Lint
use Rack::ETag
use Rack::Head

map("/files") { run Rack::Files.new(__dir__) }
run do |env|
  PAGES.fetch(env["PATH_INFO"], ->(_) { [404, TEXT.dup, ["?"]] }).call(env)
end

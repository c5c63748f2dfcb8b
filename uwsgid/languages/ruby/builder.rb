# frozen_string_literal: true

# From a file to an application: Rack's own builder where Rack is installed, else a small one that knows the
# words of a config.ru.

module Uwsgid
  class Unfit < StandardError; end

  # use, run, map, warmup and freeze_app, as Rack::Builder has them.
  class Builder
    def initialize
      @uses = []
      @maps = {}
      @run = @warmup = nil
      @freeze = false
    end

    def use(middleware, *arguments, **named, &block)
      @uses << lambda do |app|
        named.empty? ? middleware.new(app, *arguments, &block) : middleware.new(app, *arguments, **named, &block)
      end
    end

    def run(app = nil, &block)
      @run = app || block
    end

    def warmup(task = nil, &block)
      @warmup = task || block
    end

    def map(path, &block)
      @maps[path.chomp("/")] = block
    end

    def freeze_app
      @freeze = true
    end

    def to_app
      app = @maps.empty? ? @run : mapped
      raise Unfit, "missing run or map statement" unless app

      app = @uses.reverse.inject(app) do |inner, use|
        use.call(inner).tap { |outer| outer.freeze if @freeze }
      end
      @warmup&.call(app)
      app
    end

    private

    # Mountpoints, the longest first.
    def mapped
      points = @maps.map { |path, block| [path, Builder.new.tap { |inner| inner.instance_eval(&block) }.to_app] }
      points << ["", @run] if @run && !@maps.key?("")
      points.sort_by! { |path, _| -path.length }
      lambda do |env|
        path, script = env["PATH_INFO"], env["SCRIPT_NAME"]
        point, app = points.find { |prefix, _| path == prefix || path.start_with?("#{prefix}/") || prefix.empty? }
        next [404, { "content-type" => "text/plain" }, ["Not Found: #{path}"]] unless app

        begin
          app.call(env.merge!("SCRIPT_NAME" => script + point, "PATH_INFO" => path[point.length..]))
        ensure
          env.merge!("SCRIPT_NAME" => script, "PATH_INFO" => path)
        end
      end
    end
  end

  module Loading
    module_function

    # The application of a config.ru, or of a file in Ruby that reads like one.
    def file(path)
      text = File.read(path, encoding: "UTF-8").delete_prefix("\uFEFF").sub(/^__END__\n.*\Z/m, "")
      app = rack? ? Rack::Builder.new_from_string(text, path) : small(text, path)
      app = app.first if app.is_a?(Array)
      raise Unfit, "unable to find RACK entry point" unless app.respond_to?(:call)

      app
    end

    # The application of a directory of Rails.
    def rails(directory)
      Dir.chdir(directory)
      $LOAD_PATH.unshift(Dir.pwd)
      return file(File.expand_path("config.ru")) if File.exist?("config.ru")

      require File.expand_path("config/environment")
      if defined?(Rails) && Rails.respond_to?(:application) && Rails.application
        Rails.application
      elsif defined?(ActionController::Dispatcher)
        ActionController::Dispatcher.new
      else
        raise Unfit, "unable to find RACK entry point"
      end
    end

    def rack?
      require "rack"
      require "uri" # Rack::Lint 2 takes it for granted
      true
    rescue LoadError => e
      raise unless e.path == "rack"

      false
    end

    def small(text, path)
      builder = Builder.new
      # evaluated at the top level, else constants would be those of the builder
      within = TOPLEVEL_BINDING.eval("->(builder) { builder.instance_eval { binding } }")
      within.call(builder).eval(text, path)
      builder.to_app
    end
  end
end

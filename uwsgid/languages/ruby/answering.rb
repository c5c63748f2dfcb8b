# frozen_string_literal: true

# One connection's requests: the env of Rack from a frame, the call, and what the application returned.

require "stringio"

module Uwsgid
  # What a connection has to know of its instance.
  #
  # apps: what answers, by number.  host, port: how a server is called that no front end names.  gc_every:
  # requests between two collections of garbage, nil leaves them to Ruby.
  Facts = Struct.new(:apps, :host, :port, :version, :multithread, :multiprocess, :gc_every, keyword_init: true)

  class Answering
    # Variables that stand in the env even where they are empty, as the specification of Rack demands.
    KEPT = %w[REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING SERVER_NAME SERVER_PORT]
           .to_h { |name| [name, true] }.freeze
    # Variables that never do.
    DROPPED = %w[HTTP_CONTENT_LENGTH HTTP_CONTENT_TYPE].to_h { |name| [name, true] }.freeze
    # Bytes of the longest list of names that is kept.
    LEARNT = 4096
    NOTHING = String.new(encoding: BINARY).freeze
    STATUS = (100..599).to_h { |status| [status, status.to_s.freeze] }.freeze
    # The flags of a request.
    COMPLETE = 1
    COUNTED = 4
    # Bytes of an array of texts that leave in one piece.
    JOINED = 262_144
    # Bytes of a file that are sent at a time where the worker can not open it.
    PIECE = 65_536

    def initialize(wire, facts, core = 0)
      @wire = wire
      @apps = facts.apps
      @gc_every = facts.gc_every
      @answered = 0
      @pid = Process.pid
      @hijack = Hijack.new(wire)
      @known = {}
      @seed = {
        "SCRIPT_NAME" => "", "QUERY_STRING" => "", "SERVER_PROTOCOL" => "HTTP/1.0",
        "SERVER_NAME" => facts.host, "SERVER_PORT" => facts.port,
        "rack.version" => [1, 1].freeze, "rack.url_scheme" => "http", "rack.multithread" => facts.multithread,
        "rack.multiprocess" => facts.multiprocess, "rack.run_once" => false, "rack.errors" => $stderr,
        "rack.hijack?" => true, "rack.hijack" => @hijack, "uwsgi.version" => facts.version,
        "uwsgi.node" => facts.host, "uwsgi.core" => core
      }.freeze
    end

    # Answers until the worker is gone.
    def run
      loop do
        @wire.await
        request
        @answered += 1
        GC.start if @gc_every && (@answered % @gc_every).zero?
      end
    rescue EOFError, Errno::ECONNRESET, Errno::EPIPE
      nil
    end

    private

    # ---- hot path, watched by bench-protocols ---------------------------------------------------------------

    def request
      env = environ
      @started = @ended = @taken = false
      begin
        response = @app.call(env)
        exit! if Process.pid != @pid # what the application forked came back from its call
        if @hijack.free?
          status, headers, body = response if well_formed(response)
          respond(status, headers, body)
        else
          finish(Wire::CLOSE)
        end
      rescue SystemExit, SignalException, Junk
        raise
      rescue ClientGone
        finish
      rescue Exception => e # whatever it is, it is the application's
        return failed(e, env, status, headers) unless @ended

        tell(e)
      end
      over(env, status, headers) if @goes_on
    end

    # The env of the request that was taken.
    def environ
      wire = @wire
      data = wire.data
      pos = wire.first
      flags = data.getbyte(pos + 1)
      wire.begin(data.getbyte(pos))
      @app = @apps.size == 1 ? @apps[0] : @apps[data.getbyte(pos + 2) | data.getbyte(pos + 3) << 8]
      size = data.getbyte(pos + 14) | data.getbyte(pos + 15) << 8 | data.getbyte(pos + 16) << 16
      rest = data.getbyte(pos + 18) | data.getbyte(pos + 19) << 8 | data.getbyte(pos + 20) << 16
      names = data.byteslice(pos += 22, size)
      values = data.byteslice(pos += size + 1, rest)
      pos += rest + 1
      keys = @known[names] || learn(names, flags)
      values = flags & COUNTED == 0 ? values.split("\0", -1) : counted(values)
      env = @seed.dup
      at = 0
      stop = keys.size
      while at < stop
        key = keys[at]
        value = values[at]
        env[key] = value if key && !(value.empty? && !KEPT.key?(key))
        at += 1
      end
      env["rack.url_scheme"] = scheme(env) if env.key?("HTTPS") || env.key?("UWSGI_SCHEME")
      @input = env["rack.input"] = input(wire, flags, pos)
      @finished = env["rack.response_finished"] = []
      @replied = env["rack.after_reply"] = []
      @goes_on = false
      @hijack.begin(env)
      env
    end

    # Names of variables, nil in the place of one that the env does not have.  Most requests have the same.
    def learn(names, flags)
      plain = flags & COUNTED == 0
      keys = plain ? names.split("\0", -1) : counted(names)
      keys.map! { |key| DROPPED.key?(key) ? nil : -key }
      return keys if !plain || names.bytesize > LEARNT

      @known.clear if @known.size >= 256
      @known[names.freeze] = keys
    end

    def input(wire, flags, pos)
      return Input.new(wire, wire.data.byteslice(pos, wire.stop - pos)) if flags & COMPLETE == 0
      return StringIO.new(wire.data.byteslice(pos, wire.stop - pos)) if pos < wire.stop

      StringIO.new(NOTHING)
    end

    def respond(status, headers, body)
      texts = [STATUS[status] || status.to_s]
      length = hijack = nil
      headers.each do |name, value|
        if name.start_with?("rack.")
          hijack = value if name == "rack.hijack"
        elsif value.instance_of?(String) && !value.include?("\n")
          texts << name << value
          length = value.to_i if name.bytesize == 14 && name.casecmp("content-length").zero?
        else
          (value.is_a?(Array) ? value : value.to_s.split("\n")).each { |line| texts << name << line.to_s }
        end
      end
      if body.instance_of?(Array) && !hijack
        send_array(head(texts), body)
      else
        respond_with(head(texts), length, hijack, body)
      end
    end

    def head(texts)
      head = begin
        texts.join("\0")
      rescue EncodingError
        texts.map(&:b).join("\0")
      end
      return head if head.count("\0") == texts.size - 1

      raise ArgumentError, "a status or header field with a NUL: #{head.inspect}"
    end

    def send_array(head, chunks)
      if chunks.size == 1
        only = chunks[0]
        return finish_whole(head, only) if only.instance_of?(String)
      end
      chunks = chunks.select { |chunk| text?(chunk) }
      return send_each(head, nil, chunks) if chunks.sum(&:bytesize) > JOINED

      joined = String.new(encoding: BINARY)
      chunks.each { |chunk| joined << chunk.b }
      finish_whole(head, joined)
    end

    # Sends each piece as soon as it is there, but the one that is the whole body by its length.
    def send_each(head, length, body)
      held = nil
      body.each do |chunk|
        next if !text?(chunk) || chunk.empty?

        if @started
          @wire.put_body(chunk)
        elsif held.nil? && chunk.bytesize == length
          held = chunk
        else
          start(head, held || chunk)
          @wire.put_body(chunk) if held
        end
      end
      @started ? finish : finish_whole(head, held || "")
    end

    def finish_whole(head, body)
      @ended = true
      @goes_on ||= !(@finished.empty? && @replied.empty?)
      @wire.put_whole(head, body, @goes_on ? Wire::GOES_ON : 0)
    end
    # ---- end of the hot path --------------------------------------------------------------------------------

    def start(head, chunk = nil)
      @started = true
      @wire.put_head(head, chunk)
    end

    # Ends an answer that began, or that is nobody's any more.
    def finish(flags = 0)
      @ended = true
      @goes_on = true
      @wire.put_end(flags | Wire::GOES_ON)
    end

    def respond_with(head, length, hijack, body)
      @goes_on = body.respond_to?(:close)
      if hijack
        send_stream(head, hijack)
      elsif body.respond_to?(:to_path) && (file = opened(body.to_path))
        send_file(head, file)
      elsif body.respond_to?(:to_ary) && (chunks = body.to_ary) # nil is none, as from bodies of Rails
        body = nil # who is asked for an array closes itself
        send_array(head, chunks)
      elsif body.respond_to?(:each)
        send_each(head, length, body)
      elsif body.respond_to?(:call)
        send_stream(head, body)
      else
        raise TypeError, "a body responds to each, call or to_path; this #{body.class} to none of them"
      end
    ensure
      closing($!) { body.close } if body.respond_to?(:close)
    end

    def send_file(head, file)
      start(head)
      @wire.put("f", [file.fileno, 0, -1].pack("Vq<q<"))
      @wire.expect("k")
      if @wire.data.getbyte(@wire.first).zero?
        while (piece = file.read(PIECE))
          @wire.put_body(piece)
        end
      end
      finish
    ensure
      file.close
    end

    def opened(path)
      file = File.open(path, "rb")
      return file if file.stat.file?

      file.close
      nil
    rescue SystemCallError
      nil
    end

    def send_stream(head, callable)
      start(head)
      stream = Stream.new(@wire, @input)
      callable.call(stream)
      stream.wait
      finish
    end

    # What fails here matters to the client only where it has no answer yet, and is not what failed first.
    def closing(error)
      yield
    rescue StandardError => e
      raise if error.nil? && !@ended

      tell(e)
    end

    def text?(chunk)
      return true if chunk.is_a?(String)

      Uwsgid.say("UNMANAGED BODY TYPE #{chunk.class}")
      false
    end

    def well_formed(response)
      return true if response.instance_of?(Array) && response.size == 3
      raise TypeError, "invalid RACK response: #{response.class}" unless response.respond_to?(:to_ary)

      size = response.to_ary.size
      return true if size == 3

      Uwsgid.say("Invalid RACK response size: #{size}")
      raise TypeError, "invalid RACK response"
    end

    # Only the first letters are compared, as in uWSGI (core/protocol.c).
    def scheme(env)
      given = env["UWSGI_SCHEME"]
      return given if given

      https = env["HTTPS"].to_s
      https.start_with?("1") || https[0, 2].casecmp("on").zero? ? "https" : "http"
    end

    # The items of a counted list, which variables are where one has a NUL.
    def counted(text)
      found = []
      pos = 0
      while pos < text.bytesize
        length = text.byteslice(pos, 4).unpack1("V")
        found << text.byteslice(pos + 4, length)
        pos += 4 + length
      end
      found
    end

    # The worker hears of it at last, for it answers in the place of the application.
    def failed(error, env, status, headers)
      told(env, status, headers, error)
      @wire.put_failure(Uwsgid.describe(error))
    end

    def tell(error)
      Uwsgid.say(Uwsgid.describe(error))
    end

    # The answer left.  Who wanted to know is told, and then the worker, which has waited for that.
    def over(env, status, headers)
      told(env, status, headers, nil)
      @wire.put("z")
    end

    def told(env, status, headers, error)
      @input.retire if @input.instance_of?(Input)
      @finished.reverse_each { |one| closing(nil) { one.call(env, status, headers, error) } }
      @replied.each { |one| closing(nil) { one.call } }
    end
  end
end

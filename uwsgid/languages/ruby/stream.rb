# frozen_string_literal: true

# What an application writes its answer to, where it does not return it: the stream of Rack 3's callable
# bodies and of a partial hijack.

module Uwsgid
  class Stream
    def initialize(wire, input)
      @wire = wire
      @input = input
      @lock = Mutex.new
      @ended = ConditionVariable.new
      @writable = @readable = true
    end

    def write(*texts)
      size = 0
      @lock.synchronize do
        raise IOError, "closed stream" unless @writable

        texts.each do |text|
          text = text.to_s
          next if text.empty?

          size += text.bytesize
          @wire.put_body(text)
        end
      end
      size
    end

    alias syswrite write

    def write_nonblock(text, **)
      write(text)
    end

    def <<(text)
      write(text)
      self
    end

    def print(*texts)
      write(*texts)
      nil
    end

    def puts(*lines)
      lines = [""] if lines.empty?
      lines.flatten.each { |line| write(line.to_s.end_with?("\n") ? line : "#{line}\n") }
      nil
    end

    def read(*arguments)
      @readable ? @input.read(*arguments) : raise(IOError, "not opened for reading")
    end

    def readpartial(*arguments)
      raise IOError, "not opened for reading" unless @readable

      @input.respond_to?(:readpartial) ? @input.readpartial(*arguments) : @input.sysread(*arguments)
    end

    def read_nonblock(length, buffer = nil, **)
      buffer ? readpartial(length, buffer) : readpartial(length)
    end

    def gets(*arguments)
      @readable ? @input.gets(*arguments) : raise(IOError, "not opened for reading")
    end

    def flush
      self
    end

    def fsync
      0
    end

    def sync
      true
    end

    def sync=(value); end

    def close_read
      @readable = false
      nil
    end

    def close_write
      @lock.synchronize do
        @writable = false
        @ended.broadcast
      end
      nil
    end

    def close
      close_read
      close_write
    end

    def closed?
      !(@readable || @writable)
    end

    # Waits until nothing more can be written: the application closed it, or is not there any more to do it.
    def wait
      @lock.synchronize { @ended.wait(@lock, 1) while @writable && Thread.list.size > 1 }
      close
    end
  end
end

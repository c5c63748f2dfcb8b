# frozen_string_literal: true

# `rack.input` of a request whose body did not come with it: read from the worker when it is asked for, and
# kept, so that it can be rewound as Rack 2 demands.  A long body is kept in a file that has no name.

require "stringio"

module Uwsgid
  class Input
    # Bytes of a body that stay in memory.
    IN_MEMORY = 131_072
    # Bytes that are asked of the worker at a time.
    PIECE = 65_536

    # start: what has arrived.
    def initialize(wire, start)
      @wire = wire
      @kept = StringIO.new(start)
      @size = start.bytesize # of what has arrived
      @complete = false
      @broken = nil
    end

    # As IO#read: nil at the end where a length is given, else an empty text.
    def read(length = nil, buffer = nil)
      if length
        raise ArgumentError, "negative length #{length} given" if length.negative?

        fetch until @complete || @size - @kept.pos >= length
      else
        fetch until @complete
      end
      buffer ? @kept.read(length, buffer) : binary(@kept.read(length))
    end

    # What has arrived already, or else what comes next; raises EOFError at the end.
    def readpartial(length, buffer = nil)
      fetch unless @complete || @size > @kept.pos
      found = buffer ? @kept.read(length, buffer) : binary(@kept.read(length))
      raise EOFError, "end of file reached" if found.nil? && length.positive?

      found
    end

    # A line with its end, nil after the last.
    def gets(*arguments)
      binary(line(*arguments))
    end

    def each
      return to_enum unless block_given?

      while (found = gets)
        yield found
      end
      self
    end

    def rewind
      @kept.rewind
      0
    end

    def pos
      @kept.pos
    end

    def eof?
      fetch unless @complete || @size > @kept.pos
      @kept.eof?
    end

    def external_encoding
      BINARY
    end

    # What was not read stays with the worker.
    def close
      @kept.close unless @kept.closed?
    end

    def closed?
      @kept.closed?
    end

    # The request is over: nobody can ask the worker any more.
    def retire
      @complete = true
    end

    private

    def line(separator = $/, limit = nil)
      separator, limit = $/, separator if separator.is_a?(Integer)
      return nil if limit.nil? && eof?

      separator = "\n\n" if separator == ""
      start = @kept.pos
      loop do
        found = limit ? @kept.gets(separator, limit) : @kept.gets(separator)
        return found if @complete || (found && limit && found.bytesize >= limit)
        return found if found && separator && found.end_with?(separator)

        @kept.pos = start
        fetch
      end
    end

    def binary(text)
      text&.force_encoding(BINARY)
    end

    def fetch
      raise @broken if @broken

      @wire.put("r", [PIECE].pack("V"))
      case @wire.take
      when 100 # d
        piece = @wire.payload
        return @complete = true if piece.empty?

        keep(piece)
      when 120 # x
        raise @broken = IOError.new(@wire.payload)
      else
        raise Junk, "an answer to a wish for a body was expected"
      end
    end

    def keep(piece)
      here = @kept.pos
      to_file if @size <= IN_MEMORY && @size + piece.bytesize > IN_MEMORY
      @kept.seek(0, IO::SEEK_END)
      @kept.write(piece)
      @size += piece.bytesize
      @kept.pos = here
    end

    def to_file
      require "tempfile"
      file = Tempfile.new("uwsgid-body")
      file.unlink
      file.binmode
      @kept.rewind
      IO.copy_stream(@kept, file)
      @kept = file
    end
  end
end

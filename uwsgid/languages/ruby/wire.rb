# frozen_string_literal: true

# One connection to a worker: frames in, frames out.
#
# A frame is a letter, a length (32 bits, little endian) and that many bytes; frames.py beside the bridge says
# which there are.  A request that fits is one read here, its answer one write.

require "io/nonblock"
require "io/wait"
require "socket"

module Uwsgid
  BINARY = Encoding::BINARY

  # The worker broke the rules of this connection; there is no going on.
  class Junk < StandardError; end

  # Nobody reads this answer any more.
  class ClientGone < StandardError; end

  class Wire
    # What is asked of the socket first.  A request without a body fits many times.
    PIECE = 16_384
    # What is asked of the pipe, which is more than it ever has.
    SHORT = 8_192
    # From here on a body is written beside its head rather than copied behind it.
    APART = 8_192
    # Bytes of the longest answer that goes through a pipe, in one piece.
    PIPE_BUF = 4096
    # What is said there instead of any other answer: that it comes over the line.
    LOOK = "m\0\0\0\0"
    # The flags of an end.
    GOES_ON = 1
    REPLACE = 2
    CLOSE = 4

    # Where the payload of the frame that was taken begins and ends in `data`.
    attr_reader :data, :first, :stop, :io
    # The turn of the request, which its answer repeats.
    attr_accessor :turn

    # heard, answers: the ends of a pipe for answers, where there is one.
    def initialize(io, heard = nil, answers = nil)
      io.nonblock = false # else each wait costs a read in vain
      io.sync = true
      @io = io
      @data = String.new(capacity: PIECE, encoding: BINARY)
      @first = @stop = @turn = 0
      @gone = @silent = false
      @offered = [heard, answers]
      @answers = nil
      @pipe = nil
    end

    # Waits for the next frame and returns its letter, a byte; skips the news that a client is gone.
    #
    # Raises EOFError when the worker is gone.
    def take
      letter = frame
      while letter == 103 # g
        heard_of_client
        letter = frame
      end
      letter
    end

    # Waits for the next request, at the pipe where there is one.
    #
    # Raises EOFError when the worker is gone.
    def await
      return expect("q") unless @pipe

      frame while @stop < @data.bytesize # what was said of a client of before
      @pipe.readpartial(SHORT, @data)
      @first = 5
      @stop = @data.bytesize
      expect("q") unless @data.getbyte(0) == 113 # q
    end

    # Sends a frame, and beside it the ends of pipes for requests and for answers.
    def put_pipes(letter, payload)
      @pipe, theirs = IO.pipe(binmode: true)
      heard, @answers = @offered
      given = [theirs, heard].compact
      [@pipe, *given].each { |io| io.nonblock = false }
      @io.sendmsg([letter, payload.bytesize, payload].pack("aVa*"), 0, nil, Socket::AncillaryData.unix_rights(*given))
      given.each(&:close)
    end

    # Waits for an answer with this letter.
    def expect(letter)
      found = take
      raise Junk, "#{letter} was expected, not #{found.chr.inspect}" unless found == letter.ord
    end

    # The payload of the frame that was taken.
    def payload
      @data.byteslice(@first, @stop - @first)
    end

    # The items of a counted list that begins at `pos`.
    def counted(pos = @first)
      found = []
      while pos < @stop
        size = @data.byteslice(pos, 4).unpack1("V")
        found << @data.byteslice(pos + 4, size)
        pos += 4 + size
      end
      found
    end

    # A request begins.
    def begin(turn)
      @turn = turn
      @gone = false
      @silent = !@answers.nil?
    end

    # Sends a frame.
    def put(letter, payload = "")
      push([letter, payload.bytesize, payload].pack("aVa*"))
    end

    # Sends a frame with a counted list.
    def put_counted(letter, items)
      put(letter, items.flat_map { |item| [item.bytesize, item] }.pack("Va*" * items.size))
    end

    # Sends a whole answer and ends the request.
    def put_whole(head, body, flags)
      size = head.bytesize
      total = 6 + size + body.bytesize
      if @silent
        return whisper(["w", total, @turn, flags, size, head, body].pack("aVCCVa*a*")) if total + 5 <= PIPE_BUF

        whisper(LOOK)
      end
      if body.bytesize < APART
        push(["w", total, @turn, flags, size, head, body].pack("aVCCVa*a*"))
      else
        @io.write(["w", total, @turn, flags, size, head].pack("aVCCVa*"), body)
      end
    end

    # Sends a head, and with it the first bytes of the body, if there are any.
    def put_head(head, body = nil)
      begun = ["h", 1 + head.bytesize, @turn, head].pack("aVCa*")
      return push(begun) unless body

      whisper(LOOK) if @silent
      @io.write(begun, ["b", body.bytesize].pack("aV"), body)
    end

    # Sends some of a body.
    #
    # Raises ClientGone where nobody would read it.
    def put_body(body)
      look if @io.wait_readable(0)
      raise ClientGone, "the client is gone" if @gone

      whisper(LOOK) if @silent
      @io.write(["b", body.bytesize].pack("aV"), body)
    end

    # Ends the request.
    def put_end(flags)
      push(["e", 1, flags].pack("aVC"))
    end

    # Ends the request, whose application failed; *text* is for the log.
    def put_failure(text, flags = 0)
      put("x", [flags, text].pack("Ca*"))
    end

    # Takes the socket of the client out of the hands of the worker, which sends it beside its answer.
    #
    # Raises IOError where it can not be had.
    def take_client
      put_counted("u", ["connection_fd"])
      data, _, _, *beside = @io.recvmsg(PIECE, 0, 512, scm_rights: true)
      @data = data
      @first = @stop = 0
      expect("a")
      client = beside.flat_map(&:unix_rights).first
      raise IOError, "the connection of this client can not be taken: #{payload.byteslice(1..)}" unless client

      client
    end

    private

    def frame
      if @stop == @data.bytesize
        @io.readpartial(PIECE, @data)
      else
        @data = @data.byteslice(@stop, @data.bytesize - @stop)
      end
      fill(5) if @data.bytesize < 5
      data = @data
      size = data.getbyte(1) | data.getbyte(2) << 8 | data.getbyte(3) << 16 | data.getbyte(4) << 24
      @first = 5
      @stop = 5 + size
      fill(@stop) if data.bytesize < @stop
      data.getbyte(0)
    end

    # Something came although nothing was asked for; only the news that the client is gone may.
    def look
      raise Junk, "a frame that nobody asked for" unless frame == 103 # g

      heard_of_client
    end

    # A client is gone, unless it is that of a request which is over.
    def heard_of_client
      @gone = true if @data.getbyte(@first) == @turn && @stop > @first
    end

    # Says something through the pipe.  There is room for it, or somebody else has written there.
    def whisper(text)
      @silent = false
      @answers.syswrite(text)
    rescue SystemCallError => e
      raise Junk, "no answer can be sent: #{e.message}"
    end

    def push(text)
      whisper(LOOK) if @silent
      sent = @io.syswrite(text)
      @io.write(text.byteslice(sent, text.bytesize - sent)) if sent < text.bytesize
    end

    def fill(size)
      @data << @io.readpartial(size - @data.bytesize) while @data.bytesize < size
    end
  end
end

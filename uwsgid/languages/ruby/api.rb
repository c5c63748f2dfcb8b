# frozen_string_literal: true

# The module UWSGI that applications find: what it says of the instance it knows, the rest it asks the worker.

module UWSGI
  # A function of UWSGI was refused by the worker.
  class Error < StandardError; end

  class << self
    # The connection that the calling thread answers for.
    def wire
      Thread.current[:uwsgid_wire]
    end

    # Writes a line to the log.
    def log(text)
      $stderr.syswrite("#{text.to_s.chomp}\n")
      nil
    end

    def method_missing(name, *arguments)
      return super unless wire

      ask(name.to_s, arguments)
    end

    def respond_to_missing?(name, _private = false)
      FUNCTIONS.include?(name)
    end

    private

    def ask(name, arguments)
      wire.put_counted("u", [name, *arguments.map(&:to_s)])
      wire.expect("a")
      bytes = wire.payload.byteslice(1..)
      case wire.data.getbyte(wire.first)
      when 0 then nil
      when 1 then bytes
      when 2 then wire.counted(wire.first + 1)
      when 4 then bytes.to_i
      else raise Error, "UWSGI.#{name}: #{bytes}"
      end
    end
  end
end

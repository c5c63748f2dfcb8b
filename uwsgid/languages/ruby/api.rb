# frozen_string_literal: true

# The module UWSGI that applications find: what it says of the instance it knows, the rest it asks the worker.

module UWSGI
  # A function of UWSGI was refused by the worker.
  class Error < StandardError; end

  SPOOL_OK = -2
  SPOOL_RETRY = -1
  SPOOL_IGNORE = 0

  class << self
    # Learns what the constants say.
    def know(version:, host:, processes:, options:)
      const_set(:VERSION, version)
      const_set(:HOSTNAME, host)
      const_set(:NUMPROC, processes)
      const_set(:OPT, options.group_by(&:first).transform_values do |pairs|
        pairs.size == 1 ? pairs[0][1] : pairs.map(&:last)
      end.freeze)
    end

    # The connection that the calling thread answers for.
    def wire
      Thread.current[:uwsgid_wire]
    end

    # Writes a line to the log.
    def log(text)
      $stderr.syswrite("#{text.to_s.chomp}\n")
      nil
    end

    # What it asks the worker for are the functions of Python's module, by their names.
    def method_missing(name, *arguments)
      return super unless wire && respond_to_missing?(name)

      ask(name.to_s, arguments)
    end

    # Names that Ruby itself tries are no functions of an application server.
    def respond_to_missing?(name, _private = false)
      !name.start_with?("to_", "post_fork_") && name.match?(/\A[a-z_0-9]+\z/)
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

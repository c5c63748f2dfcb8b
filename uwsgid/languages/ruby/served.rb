# frozen_string_literal: true

# The life of a child: greets a core of a worker, and answers its requests until it is gone.

module Uwsgid
  class Served
    # token: what a worker has to know.  requires: what every child requires.
    def initialize(facts, token, requires)
      @facts = facts
      @token = token
      @requires = requires
      @wakening = Mutex.new
      @awake = false
    end

    # Serves the core behind one connection.  heard, answers: the ends of a pipe for answers.
    def serve(io, heard = nil, answers = nil)
      Thread.current[:uwsgid_wire] = wire = Wire.new(io, heard, answers)
      return unless (core = greeted(wire))

      Answering.new(wire, @facts, core).run
    rescue EOFError, Errno::ECONNRESET, Errno::EPIPE
      nil
    rescue Junk => e
      Uwsgid.say("the Ruby child #{Process.pid} ends: #{e.message}")
    ensure
      io.close
    end

    # Serves each core whose connection comes over *control* with a thread, until all of them are gone.
    def serve_many(control)
      threads = []
      loop do
        io = control.recv_io(UNIXSocket)
        threads.select!(&:alive?)
        threads << Thread.new { serve(io) }.tap { |thread| thread.report_on_exception = true }
        break if threads.none? { |thread| thread.join(0).nil? } && control.wait_readable(0).nil?
      end
    rescue EOFError, SystemCallError, SocketError
      threads.each(&:join)
    end

    private

    # The number of the core; nil where somebody asks who has no business here.
    def greeted(wire)
      wire.expect("t")
      token, slot, core, *more = wire.counted
      return nil unless token == @token

      Process.setproctitle("uwsgid ruby of worker #{slot}#{" core #{core}" unless @facts.multithread}")
      @wakening.synchronize { wake unless @awake }
      greeting = [Process.pid, @facts.apps.size].pack("VV")
      more.each_slice(2).include?(%w[pipe 1]) ? wire.put_pipes("o", greeting) : wire.put("o", greeting)
      core.to_i
    rescue *Mother::LOADING => e
      raise if e.is_a?(EOFError) || e.is_a?(SystemCallError) || e.is_a?(Junk)

      wire.put("n", Uwsgid.describe(e))
      nil
    end

    # What happens once in each child, before its first request.
    def wake
      @requires.each { |file| Uwsgid.demand(file) }
      UWSGI.post_fork_hook if UWSGI.singleton_class.method_defined?(:post_fork_hook)
      @awake = true
    end
  end
end

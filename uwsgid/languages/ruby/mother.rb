# frozen_string_literal: true

# The process that loaded the applications: forks a child for each connection, and minds the children.
#
# She keeps each connection that she accepted.  Where its worker is gone, whatever became of it, she ends the
# child; where a child ends, she says how, and shuts its connection down.

require "etc"

module Uwsgid
  class Mother
    # How often connections are looked at, in seconds.
    LOOK = 1
    # How long a child may go on without its worker, in seconds.
    GRACE = 3
    # prctl(): the signal that a child gets when its mother dies.
    PDEATHSIG = 1
    PAGE = Etc.sysconf(Etc::SC_PAGESIZE)
    # What a worker ends its own children with.
    USUAL = [Signal.list["TERM"], Signal.list["KILL"]].freeze
    LOADING = [SystemExit, ScriptError, StandardError, NoMemoryError, SystemStackError].freeze

    # One child.  worker: the pid of its worker.  lines: the connections it serves.  control: how it is given
    # more of them, where it takes more.  alone: since when it has no worker, nil while it has one.  answers: the pipe
    # that its worker listens to, where it has one.
    Child = Struct.new(:worker, :lines, :control, :alone, :answers)

    def initialize
      @listener = UNIXServer.for_fd(Integer(ENV.delete("UWSGID_BRIDGE_FD")))
      @prctl = ENV.delete("UWSGID_PRCTL").to_i
      lifeline = UNIXSocket.for_fd(Integer(ENV.delete("UWSGID_LIFELINE_FD")))
      [@listener, lifeline].each { |io| io.close_on_exec = true }
      @lifeline = Wire.new(lifeline)
      @children = {}
    end

    # Lives; the exit status.
    def run
      @lifeline.expect("c")
      @words = @lifeline.counted.each_slice(2).group_by(&:first).transform_values { |pairs| pairs.map(&:last) }
      Process.setproctitle("uwsgid ruby")
      @limits = [word("evil-rss").to_i, word("evil-as").to_i]
      return 1 unless (apps = loaded)

      @facts = Facts.new(apps: apps, host: word("host"), port: word("port"), version: word("server"),
                         multithread: threads?, multiprocess: word("processes") != "1",
                         gc_every: @words.key?("gc") ? [word("gc").to_i, 1].max : nil)
      tend
      0
    end

    private

    def word(name)
      words(name).last || ""
    end

    def words(name)
      @words.fetch(name, [])
    end

    def threads?
      word("threads").to_i > 1
    end

    # The applications, nil in the place of one that does not load; nil where nothing can be served at all.
    def loaded
      Thread.current[:uwsgid_wire] = @lifeline
      UWSGI.know(version: word("version"), host: word("host"), processes: word("processes").to_i,
                 options: words("opt").map { |text| text.split("\0", 2) })
      words("lib").reverse_each { |lib| $LOAD_PATH.unshift(File.expand_path(lib)) }
      words("shared").each { |file| Uwsgid.demand(file) }
      apps = words("app").each_with_index.map { |text, number| load_one(text, number) }
      settle
      @lifeline.put("o", [Process.pid, apps.size].pack("VV"))
      apps
    rescue *LOADING => e
      @lifeline.put("n", Uwsgid.describe(e))
      nil
    ensure
      Thread.current[:uwsgid_wire] = nil
    end

    def load_one(path, number)
      started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      app = File.directory?(path) ? Loading.rails(path) : Loading.file(path)
      seconds = (Process.clock_gettime(Process::CLOCK_MONOTONIC) - started).to_i
      place = format("%#x", app.object_id)
      ready = "RACK app #{number} loaded in #{seconds} seconds at #{place} (GC frequency: #{frequency})"
      @lifeline.put("l", [number, 1, ready].pack("VCa*"))
      app
    rescue *LOADING => e
      @lifeline.put("l", [number, 0, e.is_a?(Unfit) ? e.message : Uwsgid.describe(e)].pack("VCa*"))
      nil
    end

    # Makes what was loaded old, so that the collectors of children leave it, and its pages, alone.
    def settle
      return Process.warmup if Process.respond_to?(:warmup) # Ruby 3.3

      4.times { GC.start } # an object is old after three
    end

    # How often garbage is collected, in the words of uWSGI where it has one.
    def frequency
      case word("gc")
      when "" then "AS RUBY LIKES"
      when "0", "1" then "AGGRESSIVE"
      else word("gc")
      end
    end

    def tend
      @awake, @waker = IO.pipe
      trap("CHLD") { @waker.write_nonblock(".", exception: false) }
      %w[INT HUP QUIT].each { |name| trap(name) { nil } } # a terminal means the master
      watched = [@listener, @lifeline.io, @awake]
      loop do
        ready = IO.select(watched, nil, nil, @children.empty? ? nil : LOOK)&.first || []
        return leave if ready.include?(@lifeline.io)

        @awake.read_nonblock(4096, exception: false) if ready.include?(@awake)
        reap
        look
        admit if ready.include?(@listener)
      end
    end

    # Nobody of this generation is left.
    def leave
      @children.each_key { |pid| Process.kill("KILL", pid) }
    end

    # Lets a core in: it gets a child of its own, or a thread in the child of its worker.
    def admit
      line = @listener.accept_nonblock(exception: false)
      return if line == :wait_readable

      worker = line.getsockopt(Socket::SOL_SOCKET, Socket::SO_PEERCRED).unpack("i").first
      return bear(worker, line) unless threads?

      child = @children.each_value.find { |known| known.worker == worker && known.alone.nil? } || bear(worker)
      child.control.send_io(line)
      child.lines << line
    rescue SystemCallError => e
      line&.close unless line.is_a?(Symbol)
      Uwsgid.say("the Ruby of this instance can not serve a core: #{e.message}")
    end

    def bear(worker, line = nil)
      theirs, ours = line ? [line, nil] : UNIXSocket.pair
      heard, answers = IO.pipe(binmode: true) if line
      pid = fork { live(theirs, ours, heard, answers) }
      theirs.close unless line
      heard&.close
      @children[pid] = Child.new(worker, [line].compact, ours, nil, answers)
    end

    # The life of a child.
    def live(own, other, heard, answers)
      syscall_of_death
      trap("CHLD", "DEFAULT")
      @children.each_value { |child| [*child.lines, child.control, child.answers].compact.each(&:close) }
      [@listener, @lifeline.io, @awake, @waker, other].compact.each(&:close)
      child = Served.new(@facts, word("token"), words("require"))
      threads? ? child.serve_many(own) : child.serve(own, heard, answers)
    end

    def syscall_of_death
      verbose, $VERBOSE = $VERBOSE, nil
      syscall(@prctl, PDEATHSIG, Signal.list["KILL"]) unless @prctl.zero?
    rescue SystemCallError, NotImplementedError
      nil # the line of each connection ends it, if it is not too busy to read
    ensure
      $VERBOSE = verbose
    end

    # Collects children that ended.
    def reap
      @children.keys.each do |pid|
        next unless Process.wait(pid, Process::WNOHANG)

        tell(pid, $?, @children[pid])
        child = @children.delete(pid)
        child.lines.each { |line| give_back(line) }
        tell_worker(child.answers) if child.answers
        child.control&.close
      end
    end

    def tell(pid, status, child)
      number = status.termsig
      if number
        return if USUAL.include?(number) && child.lines.all? { |line| left?(line) }

        Uwsgid.say("the Ruby child #{pid} of worker process #{child.worker} died with signal #{number}")
      elsif !status.exitstatus.zero?
        Uwsgid.say("the Ruby child #{pid} of worker process #{child.worker} exited with #{status.exitstatus}")
      end
    end

    # Ends children whose worker is gone, if they do not end by themselves.
    def look
      now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      @children.each do |pid, child|
        weigh(pid) if @limits.any?(&:positive?)
        child.lines.reject! { |line| left?(line) && (child.control || child.lines.size > 1) && shut(line) }
        next child.alone = nil unless child.lines.all? { |line| left?(line) }

        child.alone ||= now
        Process.kill("KILL", pid) if now - child.alone > GRACE
      end
    end

    # Ends a child that takes more memory than it may.
    def weigh(pid)
      space, resident = File.read("/proc/#{pid}/statm").split.map { |pages| pages.to_i * PAGE }
      rss, address_space = @limits
      what, size = if address_space.positive? && space >= address_space then ["ADDRESS SPACE", space]
                   elsif rss.positive? && resident >= rss then ["RSS", resident]
                   else return
                   end
      Uwsgid.say("*** EVIL RELOAD ON RUBY INTERPRETER #{what}: #{size} (pid: #{pid}) ***")
      Process.kill("KILL", pid)
    rescue SystemCallError
      nil # it has just ended
    end

    # Whether the worker's end of a connection is closed: nothing can be sent then, not even nothing.
    def left?(line)
      line.send("", Socket::MSG_DONTWAIT | Socket::MSG_NOSIGNAL)
      false
    rescue Errno::EPIPE, Errno::ENOTCONN
      true
    rescue IO::WaitWritable
      false
    end

    # Lets a connection go whose child has ended; what that had not read goes to another one.
    def give_back(line)
      line.shutdown(Socket::SHUT_RD)
      unread = line.recv_nonblock(1, Socket::MSG_PEEK, exception: false)
      line.write("y\0\0\0\0") if unread.is_a?(String) && !unread.empty?
    rescue SystemCallError
      nil # the worker was faster
    ensure
      shut(line)
    end

    # Has a worker look at its line, which has ended; nobody else will.
    def tell_worker(answers)
      answers.write_nonblock(Wire::LOOK, exception: false)
    rescue SystemCallError
      nil # the worker was faster
    ensure
      answers.close
    end

    def shut(line)
      line.shutdown
    rescue SystemCallError
      nil # the worker was faster
    ensure
      line.close
      true
    end
  end
end

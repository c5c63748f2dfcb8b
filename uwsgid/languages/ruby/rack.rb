# frozen_string_literal: true

# The Ruby of an instance: loads its Rack applications once, then forks a child for each connection that a
# core of a worker makes, which so shares the memory of what was loaded.
#
# What it is to do comes over the line named by UWSGID_LIFELINE_FD, as names and values:
#
#   token                who connects has to know it
#   lib DIR              put DIR in front of $LOAD_PATH
#   shared FILE          require FILE here, before the applications
#   app FILE             an application, or a directory of Rails; they are numbered from 0
#   require FILE         require FILE in each child
#   gc N                 collect garbage after every N requests of a child
#   threads N            the connections of one worker are threads of one child
#   host NAME, port N    SERVER_NAME and SERVER_PORT where the front end sends none
#   evil-rss, evil-as N  bytes of memory from which on a child is killed, 0 for any
#   processes N          workers of the instance
#   server TEXT          uwsgi.version
#   version TEXT         UWSGI::VERSION
#   opt NAME\0VALUE      an option of the instance
#
# UWSGID_BRIDGE_FD is the listening socket.  The end of the line is ours.

require "socket"
require_relative "wire"
require_relative "input"
require_relative "stream"
require_relative "hijack"
require_relative "api"
require_relative "builder"
require_relative "answering"
require_relative "served"
require_relative "mother"

module Uwsgid
  module_function

  # Writes lines to the log, in one piece.
  def say(text)
    $stderr.syswrite("#{text.chomp}\n")
  end

  # What there is to say about an exception, without the frames of this house below the application's.
  def describe(error)
    first, *frames = error.full_message(highlight: false, order: :top).lines
    [first, *frames.reject { |line| line.start_with?("\tfrom #{__dir__}/") }].join
  end

  # Requires a file by its path, or a feature by its name.
  def demand(name)
    require(File.file?(name) ? File.expand_path(name) : name)
  end
end

exit!(Uwsgid::Mother.new.run) if $PROGRAM_NAME == __FILE__

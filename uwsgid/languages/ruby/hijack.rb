# frozen_string_literal: true

# `rack.hijack`: the application takes the connection of the client, and answers as it likes.

module Uwsgid
  class Hijack
    def initialize(wire)
      @wire = wire
      @env = nil
      @io = nil
    end

    # A request begins.
    def begin(env)
      @env = env
      @io = nil
    end

    # Whether the answer is still ours to send.
    def free?
      @io.nil?
    end

    # Takes the socket of the client out of the worker's hands and returns it.
    def call
      @io ||= @env["rack.hijack_io"] = @wire.take_client
    end
  end
end

# frozen_string_literal: true

# A shop in Rails, in one file: no database, nothing written.
require "action_controller/railtie"
require "action_cable/engine"

module Shop
  class Application < Rails::Application
    config.root = File.dirname(__dir__)
    config.eager_load = true
    config.secret_key_base = "x" * 64
    config.hosts.clear
    config.logger = ActiveSupport::Logger.new($stderr)
    config.log_level = :info
    config.action_dispatch.show_exceptions = true
    config.consider_all_requests_local = false
    config.session_store :cookie_store, key: "_shop"
    config.action_cable.disable_request_forgery_protection = true
  end
end

class OrdersController < ActionController::Base
  protect_from_forgery with: :exception
  skip_forgery_protection only: %i[create upload]

  def index
    render plain: "orders of #{request.host} by #{request.scheme} page #{params[:page].inspect} seen #{session[:seen].inspect}"
  end

  def create
    session[:seen] = params.require(:item)
    redirect_to "/orders"
  end

  def upload
    file = params.require(:file)
    render json: { name: file.original_filename, size: file.size }
  end

  def guarded
    render plain: "never without a token"
  end

  def show
    send_file __FILE__, type: "text/plain"
  end

  def break
    raise "an apple fell"
  end
end

class StreamsController < ActionController::Base
  include ActionController::Live

  def show
    response.headers["Content-Type"] = "text/plain"
    3.times { |number| response.stream.write("part #{number}\n") }
  ensure
    response.stream.close
  end
end

class PricesChannel < ActionCable::Channel::Base
  def subscribed
    stream_from "prices"
  end

  def tell(data)
    ActionCable.server.broadcast("prices", { "told" => data["price"] })
  end
end

Shop::Application.initialize!
Shop::Application.routes.draw do
  get "/orders" => "orders#index"
  post "/orders" => "orders#create"
  post "/upload" => "orders#upload"
  post "/guarded" => "orders#guarded"
  get "/source" => "orders#show"
  get "/break" => "orders#break"
  get "/live" => "streams#show"
end

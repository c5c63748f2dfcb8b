# frozen_string_literal: true

# A shop in Rails, in one file: no database, nothing written.
require "action_controller/railtie"

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

Shop::Application.initialize!
Shop::Application.routes.draw do
  get "/orders" => "orders#index"
  post "/orders" => "orders#create"
  post "/upload" => "orders#upload"
  post "/guarded" => "orders#guarded"
  get "/source" => "orders#show"
  get "/break" => "orders#break"
end

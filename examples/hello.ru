# What rack.ini serves.
run ->(env) { [200, { "content-type" => "text/plain" }, ["Hello, Ruby\n"]] }

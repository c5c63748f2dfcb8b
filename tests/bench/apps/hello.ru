# The least an application can do, so that what is measured is the server.
BODY = "Hello, world.\n".freeze

run lambda { |_env|
  [200, { 'content-type' => 'text/plain', 'content-length' => BODY.bytesize.to_s }, [BODY]]
}

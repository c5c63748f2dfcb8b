# The pages that each language has behind each front end: what was asked, what was sent, and some answers.
SEEN = %w[REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING HTTP_X_ONE HTTP_HOST].freeze

run(lambda do |env|
  status = 200
  headers = { 'Content-Type' => 'text/plain' }
  case env['PATH_INFO']
  when '/digest'
    data = env['rack.input'].read
    body = "#{data.bytesize} #{data.bytes.sum}"
  when '/large'
    body = (0...6400).map { |number| format("%015d\n", number) }.join
  when '/missing'
    status = 404
    body = 'there is no such thing'
  when '/redirect'
    status = 302
    body = ''
    headers['Location'] = '/elsewhere?a=b'
    headers['Set-Cookie'] = "a=1\nb=2"
  else
    body = SEEN.map { |name| "#{name}=#{env[name]}\n" }.join
  end
  headers['Content-Length'] = body.bytesize.to_s
  headers['X-Quoted'] = 'a "b" \\ c; d=(e), <f>'
  [status, headers, [body]]
end)

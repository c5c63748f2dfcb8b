#!/bin/sh
# What a CGI script is: a program that writes headers, an empty line, and a body.
printf 'Content-Type: text/plain\n\n'
echo "Hello, ${REMOTE_ADDR:-you}; you asked ${REQUEST_METHOD} ${SCRIPT_NAME}${PATH_INFO}"

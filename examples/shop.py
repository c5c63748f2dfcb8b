"""A Flask application, for examples/shop.ini."""

from flask import Flask, request

app = Flask(__name__)


@app.get("/")
def front():
    return f"Welcome, {request.remote_addr}.\n"

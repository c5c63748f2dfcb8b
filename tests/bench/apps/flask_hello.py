"""The first page of Flask's manual."""

from flask import Flask

application = Flask(__name__)


@application.get("/")
def hello():
    return "<p>Hello, World!</p>"

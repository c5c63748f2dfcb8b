"""A real Flask application: routes, forms, JSON, uploads, cookies, streaming, redirects and errors."""

import hashlib

from flask import Flask, Response, abort, jsonify, redirect, request, session, url_for

app = Flask(__name__)
app.secret_key = "only for tests"


@app.get("/")
def front():
    return f"Welcome to {request.host}, {request.remote_addr}."


@app.post("/basket")
def basket():
    return jsonify(form=request.form.to_dict(flat=False), query=request.args.to_dict())


@app.put("/json")
def mirror():
    return jsonify(request.get_json())


@app.post("/upload")
def upload():
    file = request.files["file"]
    data = file.read()
    return jsonify(name=file.filename, size=len(data), sha256=hashlib.sha256(data).hexdigest())


@app.get("/login/<name>")
def login(name):
    session["name"] = name
    return redirect(url_for("who"))


@app.get("/who")
def who():
    return session.get("name", "nobody")


@app.get("/stream")
def stream():
    return Response((f"line {number}\n" for number in range(100)), mimetype="text/plain")


@app.get("/teapot")
def teapot():
    abort(418)


@app.get("/broken")
def broken():
    raise RuntimeError("broken on purpose")


application = app

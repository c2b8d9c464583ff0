"""A running IPython kernel, as a front-end sees it."""

import json


class Kernel:
    """Run code in a kernel and keep every message that it sent in ``messages``."""

    def __init__(self, client):
        self.client = client
        self.messages = []

    def run(self, code, *inputs):
        """Run code, answer its prompts with ``inputs``, and return the messages as text, prompts first."""
        request = self.client.execute(code, allow_stdin=True)
        start = len(self.messages)
        for text in inputs:
            self.messages.append(self.client.get_stdin_msg(timeout=30))
            self.client.input(text)
        self._wait_until_idle(request)
        return json.dumps(self.messages[start:], default=str, ensure_ascii=False)

    def send(self, content, *buffers):
        """Send a message of the login form to the kernel, and return the contents of the replies."""
        opened = next(
            message for message in self.messages if message["msg_type"] == "comm_open" and "login_form" in str(message)
        )
        data = {"method": "custom", "content": content}
        request = self.client.session.msg("comm_msg", {"comm_id": opened["content"]["comm_id"], "data": data})
        self.client.session.send(self.client.shell_channel.socket, request, buffers=list(buffers))
        start = len(self.messages)
        self._wait_until_idle(request["header"]["msg_id"])
        return [
            message["content"]["data"]["content"]
            for message in self.messages[start:]
            if message["msg_type"] == "comm_msg"
        ]

    def _wait_until_idle(self, request):
        idle = False
        while not idle:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") == request:
                self.messages.append(message)
                idle = message["content"].get("execution_state") == "idle"

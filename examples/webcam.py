"""Your webcam with its hands, live in the browser: no window system needed, so it also works over SSH.

Run: python examples/webcam.py 0           then open http://localhost:8000; a video or an address works, too
"""

from http.server import BaseHTTPRequestHandler, HTTPServer

import cv2
import typer

from handos_model import HandPipeline, hands_in
from handos_model.visualization.overlay import draw_hands


def main(source: str, port: int = 8000) -> None:
    """Serve SOURCE with its hands drawn over it, until Ctrl-C."""
    pipeline = HandPipeline.load()

    class Viewer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/":
                return self.send_error(404)
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=image")
            self.end_headers()
            try:
                for result in hands_in(source, field_of_view=60, pipeline=pipeline):
                    drawn = draw_hands(result.frame.image, result.hands, pipeline.topology, result.camera.intrinsics)
                    jpeg = cv2.imencode(".jpg", drawn)[1].tobytes()
                    self.wfile.write(b"--image\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n")
            except ConnectionError:
                pass  # the browser was closed

    print(f"open http://localhost:{port}")
    HTTPServer(("127.0.0.1", port), Viewer).serve_forever()


if __name__ == "__main__":
    typer.run(main)

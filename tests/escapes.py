"""Ways out of the sandbox: Python that does harm where nothing confines it (see test_draft.py).

FILE is a path at which nothing may come to be, VICTIM a file that may neither be read nor change, PORT a port that
listens, PID a process that must live on. What is learnt is left in `loot`; of VICTIM that is its word, "treasure".
"""

from __future__ import annotations

_OPENED = "(FILE, 'w').write('x')"

# Found by review: both ran any string, though the gate had no objections, and then undid the sandbox's own checks.
PICKLED = """
import numpy as np

class Tape:
    def __init__(self, data):
        self.data, self.at = data, 0
    def read(self, n=-1):
        end = len(self.data) if n is None or n < 0 else self.at + n
        part, self.at = self.data[self.at:end], min(end, len(self.data))
        return part
    def readline(self):
        end = self.data.index(b"\\n", self.at) + 1
        part, self.at = self.data[self.at:end], end
        return part
    def seek(self, n, how=0):
        self.at = n if how == 0 else self.at + n

payload = f"open({FILE!r}, 'w').write(open({VICTIM!r}).read())".encode()
np.load(Tape(b"cbuiltins\\nexec\\n(V" + payload + b"\\ntR."), allow_pickle=True)
"""
ANNOTATED = """
import typing

class Hint:
    x: "exec('import builtins; builtins.loot = open(VICTIM).read(); open(FILE, \\\\'w\\\\').write(loot)') or int"

typing.get_type_hints(Hint)
"""

ESCAPES = {
    "an array that is a pickle": PICKLED,
    "an annotation that is evaluated": ANNOTATED,
    "a file opened for writing": f"open{_OPENED}",
    "a file opened for reading": "loot = open(VICTIM).read()",
    "a file of the system's": "loot = 'treasure' if open('/etc/passwd').read() else ''",
    "a file appended to": "import io\nio.FileIO(VICTIM, 'a').write(b'x')",
    "raw descriptors": "import os\nos.write(os.open(FILE, os.O_CREAT | os.O_WRONLY), b'x')",
    "a file cut": "import os\nos.truncate(VICTIM, 0)",
    "a file deleted": "import os\nos.unlink(VICTIM)",
    "a file renamed": "import os\nos.rename(VICTIM, FILE)",
    "a folder": "import os\nos.mkdir(FILE)",
    "a symbolic link": "import os\nos.symlink(VICTIM, FILE)",
    "a hard link": "import os\nos.link(VICTIM, FILE)",
    "a named pipe": "import os\nos.mkfifo(FILE)",
    "other permissions": "import os\nos.chmod(VICTIM, 0)",
    "another time": "import os\nos.utime(VICTIM, (0, 0))",
    "a folder listed": "import os\nloot = 'treasure' * len(os.listdir(os.path.dirname(VICTIM)))",
    "a file measured": "import os\nloot = 'treasure' * os.stat(VICTIM).st_size",
    "lines of source": "import linecache\nloot = linecache.getlines(VICTIM)",
    "the import system": "from importlib.machinery import SourceFileLoader\n"
    "loot = SourceFileLoader('x', VICTIM).get_data(VICTIM)",
    "an array written": "import numpy as np\nnp.zeros(3).tofile(FILE)",
    "an array mapped": "import numpy as np\nnp.memmap(FILE, mode='w+', shape=3)",
    "an array read": "import numpy as np\nloot = np.fromfile(VICTIM, dtype='u1').tobytes()",
    "a picture saved": "from PIL import Image\nImage.new('RGB', (1, 1)).save(FILE, 'PNG')",
    "a connection": "import socket\nsocket.create_connection(('127.0.0.1', PORT), 1)",
    "a pair of sockets": "import socket\nloot = 'treasure' if socket.socketpair() else ''",
    "a pipe": "import os\nloot = 'treasure' if os.pipe() else ''",
    "a process": "import subprocess\nsubprocess.run(['touch', FILE])",
    "a shell": "import os\nos.system('touch ' + FILE)",
    "another program": "import os\nos.execv('/bin/sh', ['sh', '-c', 'touch ' + FILE])",
    "a fork": "import os\nloot = 'treasure' if os.fork() else ''",
    "a thread": "import threading\n"
    f"other = threading.Thread(target=lambda: open{_OPENED})\nother.start()\nother.join()",
    "a signal": "import os\nos.kill(PID, 9)",
    "a signal to a thread": "import signal\nloot = 'treasure' if signal.raise_signal(signal.SIGCHLD) is None else ''",
    "the C library": "import ctypes\nctypes.CDLL(None).system(b'touch ' + FILE.encode())",
    "the C library through NumPy": "import numpy.ctypeslib\n"
    "numpy.ctypeslib.ctypes.CDLL(None).creat(FILE.encode(), 0o600)",
    "a pickle": "import pickle\npickle.loads(b'cposix\\nsystem\\n(Vtouch ' + FILE.encode() + b'\\ntR.')",
    "all objects": "import gc\n"
    "os = next(o for o in gc.get_objects() if type(o).__name__ == 'module' and o.__name__ == 'os')\n"
    "os.write(os.open(FILE, os.O_CREAT | os.O_WRONLY), b'x')",
    "subclasses": "kind = next(k for k in object.__subclasses__() if k.__name__ == '_wrap_close')\n"
    "kind.__init__.__globals__['mkdir'](FILE)",
    "a traceback": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n"
    f"    error.__traceback__.tb_frame.f_builtins['open']{_OPENED}",
    "a generator": f"(x for x in ()).gi_frame.f_builtins['open']{_OPENED}",
    "a format": "import string\ndef f(): pass\n"
    f"string.Formatter().get_field('0.__builtins__[open]', (f,), {{}})[0]{_OPENED}",
    "a getter": f"import operator\ndef f(): pass\noperator.attrgetter('__builtins__')(f)['open']{_OPENED}",
    "a pattern": f"def f(): pass\nmatch f:\n    case object(__builtins__=found):\n        found['open']{_OPENED}",
}
UNNOTICED = ("an array written", "a picture saved")  # by the gate, which does not know what a value is

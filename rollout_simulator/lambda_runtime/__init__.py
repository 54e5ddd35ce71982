"""What `sam build` makes, run as AWS runs it: Lambda's own runtime client under the Runtime Interface Emulator.

Without a container: the emulator and the runtime client come from PyPI (`aws-sam-cli`, `awslambdaric`), Linux only.
Both are development dependencies; the rest of the simulator does not need this package.
"""

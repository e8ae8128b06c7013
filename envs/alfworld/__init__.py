"""ALFWorld: household tasks in words, played by an engine of our own that needs no planner and no compiler.

world.py     a house and a task as plain data, and the PDDL files of ALFWorld's own games
engine.py    what happens: the semantics of ALFWorld's domain and grammar
words.py     what is said
rooms.py     120 floor plans, and which things go where
synth.py     games of all six task types made from them
experts.py   plans by who knows everything, and by who only reads
export.py    games as the folders that ALFWorld itself loads
env.py       the environment
"""

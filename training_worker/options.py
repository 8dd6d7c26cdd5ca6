"""What `coord train` takes, as data: the command line of coord and that of `-m coord.training_worker` read it.

Standard library only, and little of it: the table of verbs is built from this for every command.
"""

from typing import Final, NamedTuple


class TrainingOption(NamedTuple):
    """A flag with a value, or a switch when `metavar` is empty."""

    flag: str
    metavar: str
    what: str
    default: str = ""
    """As it would be written; empty: there is none."""
    many: bool = False

    @property
    def name(self) -> str:
        """The name its value is kept under."""
        return self.flag[2:].replace("-", "_")

    @property
    def sentence(self) -> str:
        """What it is for, with its default."""
        return f"{self.what} [default: {self.default}]" if self.default else self.what


FILE: Final = "A text, or a folder of texts; else the sources of Python's own library."

OPTIONS: Final = (
    TrainingOption("--run", "NAME", "Its id; the same again goes on where it was. [default: text and time]"),
    TrainingOption("--resume", "", "Go on, or refuse: never begin anew."),
    TrainingOption("--fresh", "", "Begin anew; checkpoints of before are set aside."),
    TrainingOption("--steps", "N", "So many steps in all.", "3000"),
    TrainingOption("--batch", "N", "Sequences a step, over all ranks.", "16"),
    TrainingOption("--micro-batch", "N", "Sequences at once on one rank. [default: all]"),
    TrainingOption("--context", "N", "Bytes a sequence.", "64"),
    TrainingOption("--layers", "N", "Blocks of the model.", "2"),
    TrainingOption("--heads", "N", "Attention heads a block.", "4"),
    TrainingOption("--width", "N", "Width of the model.", "96"),
    TrainingOption("--learning-rate", "F", "Its highest value.", "0.002"),
    TrainingOption("--warm-up", "N", "Steps until it is reached.", "100"),
    TrainingOption("--precision", "P", "auto, fp32 or bf16; auto is bf16 on a GPU that has it.", "auto"),
    TrainingOption("--seed", "N", "Of the first weights and the order of batches.", "1"),
    TrainingOption("--threads", "N", "CPU threads a rank.", "1"),
    TrainingOption("--canary-every", "N", "Steps between canary losses.", "20"),
    TrainingOption("--evaluate-every", "N", "Steps between evaluations with a sample of text.", "500"),
    TrainingOption("--checkpoint-every", "N", "Steps between checkpoints.", "100"),
    TrainingOption("--memory-limit", "SIZE", "What training may allocate, e.g. 400MiB. [default: any]"),
    TrainingOption("--no-sanitiser", "", "Make every update, however bad the step."),
    TrainingOption(
        "--drill",
        "KIND@STEP[xN]",
        "Break something for real: corrupt-batch or nan-batch (N batches), learning-rate (N times its value).",
        many=True,
    ),
)

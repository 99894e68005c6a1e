"""A composition: the rule and the size of a pretraining set."""

from pydantic import Field, model_validator

from terrasweep.infra.errors import InvalidValueError
from terrasweep.infra.spec import Spec
from terrasweep.samplers.spec.rules import Rule, Zero


class CompositionSpec(Spec):
    """The rule and the size of a pretraining set."""

    rule: Rule
    """How the samples are chosen."""
    size: int = Field(default=0, ge=0)
    """How many samples; 0 only for the rule `zero`."""

    @model_validator(mode="after")
    def _zero_has_no_size(self) -> "CompositionSpec":
        if isinstance(self.rule, Zero) and self.size:
            raise InvalidValueError(
                f"rule zero draws nothing, but size is {self.size}", fix="leave size out"
            )
        if not isinstance(self.rule, Zero) and not self.size:
            raise InvalidValueError(
                f"rule {self.rule.kind} needs a size", fix="say how many samples to draw"
            )
        return self

    @property
    def is_zero(self) -> bool:
        """Whether nothing is drawn, and so nothing is trained."""
        return isinstance(self.rule, Zero)

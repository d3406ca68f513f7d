"""The page behind the counter, under the ignored path /edit/: it changes what the others show."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_POST

from demo.icecream.models import Flavour, Notice

__all__ = ["change_flavour", "change_notice", "counter", "delete_flavour"]


class FlavourForm(forms.ModelForm):  # type: ignore[type-arg]  # at run time it takes none
    """A flavour; its slug, and with it the URL of its page, follows the name."""

    class Meta:
        model = Flavour
        fields = ["name", "cents", "description", "sizes"]
        widgets = {"sizes": forms.CheckboxSelectMultiple}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        self.instance.slug = slugify(name)
        others = Flavour.objects.exclude(pk=self.instance.pk)
        if not self.instance.slug or others.filter(slug=self.instance.slug).exists():
            raise forms.ValidationError("Another flavour has this name, or it has no letters.")
        return name


class NoticeForm(forms.ModelForm):  # type: ignore[type-arg]  # at run time it takes none
    """The text in the sidebar."""

    class Meta:
        model = Notice
        fields = ["text"]
        labels = {"text": "Notice in the sidebar"}


def counter(request: HttpRequest) -> HttpResponse:
    """Show a form for each flavour, one for a new flavour, and one for the notice."""
    return _page(request, None)


@require_POST
def change_flavour(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Save a flavour, or add one."""
    instance = get_object_or_404(Flavour, pk=pk) if pk else None
    return _saved(request, FlavourForm(request.POST, instance=instance, prefix=_prefix(pk)))


@require_POST
def delete_flavour(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a flavour off the menu."""
    get_object_or_404(Flavour, pk=pk).delete()
    return redirect("counter")


@require_POST
def change_notice(request: HttpRequest) -> HttpResponse:
    """Save the text in the sidebar."""
    return _saved(request, NoticeForm(request.POST, instance=Notice.objects.last()))


def _saved(request: HttpRequest, form: FlavourForm | NoticeForm) -> HttpResponse:
    if not form.is_valid():
        return _page(request, form)
    form.save()
    return redirect("counter")


def _page(request: HttpRequest, rejected: FlavourForm | NoticeForm | None) -> HttpResponse:
    flavours = Flavour.objects.prefetch_related("sizes")
    forms_shown = [FlavourForm(instance=item, prefix=_prefix(item.pk)) for item in flavours]
    context = {
        "rejected": rejected,
        "forms": forms_shown,
        "empty": FlavourForm(prefix=_prefix(None)),
        "notice_form": NoticeForm(instance=Notice.objects.last()),
    }
    return render(request, "icecream/edit.html", context, status=422 if rejected else 200)


def _prefix(pk: int | None) -> str:
    return f"flavour-{pk or 'new'}"
